//! What an engine says, and how it is called.

use super::*;

#[test]
fn a_device_is_shown_by_its_own_line_with_memory() {
    let list = "0.00 I srv  CUDA0: no\nAvailable devices:\n  \
                CUDA0: NVIDIA GeForce RTX 4060 Ti (16379 MiB, 14900 MiB free)\n  \
                BLAS: Accelerate (0 MiB, 0 MiB free)\n";
    assert!(shows(list, "CUDA"));
    for other in ["Vulkan", "BLAS", "CUD", "Available devices", "NVIDIA"] {
        assert!(!shows(list, other), "{other}");
    }
    assert!(!shows("Available devices:\n  (none)\n", "CUDA"));
    assert!(shows("Available devices:\n  Metal: Apple M3 (9 MiB, 9 MiB free)\n", "Metal"));
}

#[test]
fn layers_that_stay_behind_are_noticed() {
    let log = "load_tensors: offloading 2 layers\nload_tensors: offloaded 1/3 layers to GPU\n";
    assert_eq!(on_host(log).as_deref(), Some("1 of 3"));
    assert_eq!(on_host("load_tensors: offloaded 3/3 layers to GPU\n"), None);
    assert_eq!(on_host("nothing of the kind"), None);
}

#[test]
fn the_words_are_the_apps() {
    let words = words(Path::new("/m.gguf"), 7, false);
    let text: Vec<_> = words.iter().filter_map(|word| word.to_str()).collect();
    let text = text.join(" ");
    assert!(text.starts_with("-m /m.gguf --port 7 --host 127.0.0.1 -c 512 -np 1 -b 512"));
    let end = " --cache-type-k q8_0 --cache-type-v q8_0 -cb -ngl 0";
    assert!(text.contains(" --no-warmup -fit off -t 1 ") && text.ends_with(end), "{text}");
}
