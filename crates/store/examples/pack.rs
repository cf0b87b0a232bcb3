//! Compresses standard input to standard output as a push does: `pack gzip:6 2 <layer.tar >layer.tar.gz`; the number is that of
//! the threads.

use std::io::{stdin, stdout};

use store::compression::{Compress, compress};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let how: Compress = words.next().unwrap_or_default().parse()?;
    let threads = words.next().unwrap_or_default().parse()?;
    // Not the locked handles: those stay on their thread.
    compress(stdin(), &mut stdout(), how, threads)?;
    Ok(())
}
