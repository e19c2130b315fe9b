//! Makes a round trip: starts an emulator in this process, pushes two small files to it, finds them, pulls
//! them and compares them.
//!
//!     cargo run -p atlas-uploader --example round_trip

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use atlas_uploader::api::SearchQuery;
use atlas_uploader::base::secret::Token;
use atlas_uploader::base::slug::{ArtifactName, ArtifactType};
use atlas_uploader::pull::{Pull, Target, pull};
use atlas_uploader::push::pack::Options;
use atlas_uploader::{Client, ClientOptions, Push, push};
use mock_atlas::MockAtlas;

const FILES: [(&str, &str); 2] = [
    ("disk.img", "pretend that this is a disk\n"),
    ("notes/built.txt", "on a rainy day\n"),
];

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result {
    let folder = tempfile::tempdir()?;
    let atlas = MockAtlas::start().await?;
    say(&format!(
        "1. An Atlas runs in this process: {}",
        atlas.url()
    ))?;
    let mut options = ClientOptions::new(atlas.url().parse()?);
    options.token = Some(Token::new(atlas.token())?);
    let client = Client::new(options)?;
    let (name, artifact_type) = ("acme/web".parse()?, "custom.image".parse()?);

    push_files(&client, &name, &artifact_type, write_files(folder.path())?).await?;
    find(&client, &name, &artifact_type).await?;
    let back = folder.path().join("back.tar.gz");
    fetch(&client, name, artifact_type, back.clone()).await?;
    compare(&back)?;
    say("5. Every file is back as it was.")
}

async fn push_files(
    client: &Client,
    name: &ArtifactName,
    artifact_type: &ArtifactType,
    paths: Vec<PathBuf>,
) -> Result {
    let version = Push {
        name: name.clone(),
        artifact_type: artifact_type.clone(),
        id: Some("round-trip".to_owned()),
        paths,
        packing: Options::default(),
        metadata: [("os".to_owned(), "linux".to_owned())].into(),
        build_id: 0,
        compile_id: 0,
        idempotency_key: None,
        skip_existing: false,
        verify: false,
    };
    let outcome = push(client, &version).await?;
    say(&format!(
        "2. Pushed {}, {} bytes",
        outcome.slug, outcome.bytes
    ))?;
    say(&format!("   {}", outcome.digest.unwrap_or_default()))
}

async fn find(client: &Client, name: &ArtifactName, artifact_type: &ArtifactType) -> Result {
    let everything = SearchQuery::default();
    for version in client.search(name, artifact_type, &everything).await? {
        let os = version.metadata.get("os").unwrap_or("unknown");
        let id = version.id.as_deref().unwrap_or("unknown");
        let slug = &version.slug;
        say(&format!(
            "3. Found {slug}, called {id}, with metadata os={os}"
        ))?;
    }
    Ok(())
}

async fn fetch(
    client: &Client,
    name: ArtifactName,
    artifact_type: ArtifactType,
    file: PathBuf,
) -> Result {
    let newest = Pull {
        name,
        artifact_type,
        version: None,
    };
    let pulled = pull(client, &newest, Target::File(file)).await?;
    say(&format!(
        "4. Pulled {}, {} bytes",
        pulled.slug, pulled.bytes
    ))?;
    say(&format!("   {}", pulled.digest))
}

/// Prints a line without the panic of `println!` if nobody reads standard output.
fn say(line: &str) -> Result {
    Ok(writeln!(io::stdout(), "{line}")?)
}

fn write_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let write = |(name, content): &(&str, &str)| {
        let path = folder.join("out").join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(&path, content)?;
        Ok(path)
    };
    FILES.iter().map(write).collect()
}

fn compare(archive: &Path) -> Result {
    let mut left = FILES.to_vec();
    let archive = flate2::read::GzDecoder::new(std::fs::File::open(archive)?);
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.display().to_string();
        let mut content = String::new();
        entry.read_to_string(&mut content)?;
        left.retain(|file| *file != (name.as_str(), content.as_str()));
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(format!("did not come back as they were: {left:?}").into())
}
