//! Measures packing and sending, and compares it with the original, the code of Packer's post-processor, and
//! with what people would type: an image of real files against `tar | gzip -6` and `tar | pigz -6`, the same
//! image as a gzip file against `curl -T`; to the emulator, and to nginx. It runs on Linux only, and needs
//! tar, gzip, pigz, curl and nginx, and for the original Go and its library, which Debian calls
//! golang-github-hashicorp-atlas-go-dev.
//!
//!     cargo build --release
//!     cargo run --release -p atlas-uploader --example bench_packing [FOLDER [MIB]]
//!
//! The image consists of the files of FOLDER (`/usr`), up to MIB (1024). Time is the shortest of several
//! runs, which alternate; memory is that of all processes of a run at their peak; the temporary space
//! includes unlinked files.

mod image;
mod measure;
mod peers;

use std::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use measure::{Figures, measure};
use peers::{Destination, Target};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Sending a file unchanged takes less than a second, so it varies more and needs more runs.
const PACKING_RUNS: usize = 2;
const PASSING_RUNS: usize = 15;

/// A way to send a file: a command line that begins with `atlas-upload`, or a line for the shell, in which
/// `$FILE`, `$URL`, the folder `$TMPDIR` and the program `./original` are known.
struct Way(&'static str);

const ORIGINAL: Way = Way("./original \"$FILE\" \"$URL\"");

const PACKING: [Way; 5] = [
    ORIGINAL,
    Way("tar -cf - \"$FILE\" | gzip -6 >\"$TMPDIR/a\" && curl -sSf -T \"$TMPDIR/a\" \"$URL\""),
    Way("tar -cf - \"$FILE\" | pigz -6 >\"$TMPDIR/a\" && curl -sSf -T \"$TMPDIR/a\" \"$URL\""),
    Way("atlas-upload"),
    Way("atlas-upload --compression-level 0"),
];
const PASSING: [Way; 4] = [
    Way("curl -sSf -T \"$FILE\" \"$URL\""),
    ORIGINAL,
    Way("atlas-upload --no-digest"),
    Way("atlas-upload"),
];

#[tokio::main]
async fn main() -> Result {
    if cfg!(debug_assertions) {
        return Err("only release builds are worth measuring: add --release".into());
    }
    let program = program()?;
    for peer in ["tar", "gzip", "pigz", "curl", "nginx", "go"] {
        peers::needed(peer)?;
    }
    let mut arguments = std::env::args_os().skip(1);
    let source = arguments.next().map_or("/usr".into(), PathBuf::from);
    let size = arguments.next().and_then(|size| size.into_string().ok());
    let size: u64 = size.map_or(Ok(1024), |size| size.parse())?;

    let folder = tempfile::tempdir()?;
    peers::build_original(folder.path())?;
    let image = folder.path().join("image.img");
    image::make(&source, size * 1024 * 1024, &image)?;
    let zipped = folder.path().join("image.img.gz");
    image::zip(&image, &zipped)?;
    for target in [Target::Emulator, Target::Nginx] {
        let title = format!(
            "{size} MiB of {}, packed and sent to {target}",
            source.display()
        );
        table(&title, &PACKING, PACKING_RUNS, target, &program, &image).await?;
        let title = format!("the same as a gzip file, sent to {target}");
        table(&title, &PASSING, PASSING_RUNS, target, &program, &zipped).await?;
    }
    Ok(())
}

/// Returns the path of `atlas-upload`, which is next to the examples but not built with them.
fn program() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here.parent().and_then(Path::parent);
    let program = folder.ok_or("no folder above")?.join("atlas-upload");
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!("{} is missing: cargo build --release", program.display()).into())
    }
}

async fn table(
    title: &str,
    ways: &[Way],
    runs: usize,
    target: Target,
    program: &Path,
    file: &Path,
) -> Result {
    let mut best: Vec<Option<Figures>> = ways.iter().map(|_| None).collect();
    for _ in 0..runs {
        for (way, best) in ways.iter().zip(&mut best) {
            let figures = run(way, target, program, file).await?;
            *best = Some(match best.take() {
                Some(known) => known.best(figures),
                None => figures,
            });
        }
    }
    let mut out = io::stdout();
    writeln!(out, "\n{title}")?;
    writeln!(out, "    time  ratio  memory     temporary  size       how")?;
    let best: Vec<_> = best.into_iter().flatten().collect();
    let first = best
        .first()
        .map_or(1.0, |figures| figures.time.as_secs_f64());
    for (way, figures) in ways.iter().zip(&best) {
        writeln!(out, "{} {}", figures.row(first), way.0)?;
    }
    Ok(())
}

async fn run(way: &Way, target: Target, program: &Path, file: &Path) -> Result<Figures> {
    let destination = Destination::start(target).await?;
    let scratch = tempfile::tempdir()?;
    let mut command = match way.0.strip_prefix("atlas-upload") {
        Some(flags) => {
            let mut command = Command::new(program);
            command.args(["push", "acme/web", "--type", "custom.image"]);
            command.arg(file).args(flags.split_whitespace());
            command
        }
        None => {
            let mut command = Command::new("sh");
            command.args(["-c", way.0]);
            command.env("FILE", file.file_name().ok_or("the file has no name")?);
            command.env("URL", destination.upload_url().await?);
            command
        }
    };
    command
        .current_dir(file.parent().ok_or("the file is in no folder")?)
        .env("TMPDIR", scratch.path())
        .env("ATLAS_ADDRESS", destination.address())
        .env("ATLAS_TOKEN", destination.token());
    let folder = scratch.path().to_owned();
    let figures = tokio::task::spawn_blocking(move || {
        measure(command, &folder).map_err(|error| error.to_string())
    });
    let figures = figures.await??;
    Ok(Figures {
        sent: destination.received().await?,
        ..figures
    })
}
