#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| offgrid_oracle::ask("libc", input).expect("a target"));
