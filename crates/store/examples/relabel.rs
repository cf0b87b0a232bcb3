//! What `:z` costs: `relabel DIRECTORY LABEL` labels a tree as the start of a container does, and prints the seconds. It needs a
//! machine with SELinux; beside it, `chcon --recursive LABEL DIRECTORY`.

use std::io::Write as _;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(directory), Some(label)) = (words.next(), words.next()) else {
        return Err("relabel DIRECTORY LABEL".into());
    };
    let began = Instant::now();
    store::relabel(directory.as_ref(), "", &label, &[])?;
    writeln!(std::io::stdout(), "{:.3}", began.elapsed().as_secs_f64())?;
    Ok(())
}
