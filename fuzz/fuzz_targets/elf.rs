#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| offgrid_oracle::ask("elf", input).expect("a target"));
