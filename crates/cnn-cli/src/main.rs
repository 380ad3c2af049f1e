//! The program `cnn`.

fn main() {}
