//! The program: arguments -> configuration -> engine::Server + ha::Driver.

fn main() {}
