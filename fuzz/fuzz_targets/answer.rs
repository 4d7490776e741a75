#![no_main]

#[allow(dead_code, reason = "each program calls one target")]
#[path = "../../tests/it/hostile/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    targets::answer(input);
});
