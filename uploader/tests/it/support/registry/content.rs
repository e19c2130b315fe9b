//! Files of boxes: bytes that are made when they are asked for, and what a registry says of them,
//! be it right or wrong.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

const BLOCK: u64 = 64 * 1024;

/// Bytes that can be read from anywhere. Only `Bytes` takes memory.
#[derive(Debug, Clone, Hash)]
pub(crate) enum Content {
    Bytes(Bytes),
    /// So many bytes that do not compress, always the same for a seed.
    Noise {
        seed: u64,
        length: u64,
    },
    Zeros(u64),
}

impl Content {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Noise { length, .. } | Self::Zeros(length) => *length,
        }
    }

    /// The bytes from one place on, to the end of a block of 64 KiB. None at the end.
    pub(crate) fn piece(&self, from: u64) -> Bytes {
        let block = from / BLOCK;
        let end = ((block + 1) * BLOCK).min(self.length());
        let size = end.saturating_sub(from) as usize;
        match self {
            _ if size == 0 => Bytes::new(),
            Self::Bytes(bytes) => bytes.slice(from as usize..end as usize),
            Self::Zeros(_) => Bytes::from_static(&[0; BLOCK as usize]).slice(..size),
            Self::Noise { seed, .. } => {
                let mut bytes = vec![0; (end - block * BLOCK) as usize];
                let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ block;
                fastrand::Rng::with_seed(seed).fill(&mut bytes);
                Bytes::from(bytes).slice((from % BLOCK) as usize..)
            }
        }
    }

    /// Each piece, in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Bytes> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let piece = self.piece(at);
            at += piece.len() as u64;
            (!piece.is_empty()).then_some(piece)
        })
    }

    /// A number that another content would hardly have; no bytes are made for it.
    pub(crate) fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    fn digest<D: Digest>(&self) -> String {
        let mut digest = D::new();
        self.pieces().for_each(|piece| digest.update(piece));
        let bytes = digest.finalize();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    /// As Vagrant Cloud writes it, in lower case.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// What the registry says of a file's checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checksum {
    Right(Kind),
    /// Right, the value in upper case, and the type too where others write it in lower case.
    Upper(Kind),
    /// Of no file.
    Wrong(Kind),
    /// HCP's `NONE`: the owner gave none.
    None,
    /// HCP's `UNSET`.
    Unset,
    /// Not a word: the keys are not there.
    Missing,
}

/// What the registry says of a file's size. Only HCP's API does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Right,
    Wrong(u64),
    /// The key is not there.
    Missing,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// With the registry, which hands out addresses in its store.
    Store,
    /// On its owner's own host, which the stand-in plays on a third port.
    OwnersHost,
    /// At this address, which the stand-in has nothing to do with.
    Link(String),
}

/// A file of a box, and what its registry says of it.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(super) content: Content,
    pub(super) place: Place,
    pub(super) checksum: Checksum,
    pub(super) size: Size,
    pub(super) through: bool,
    /// The names that lead to it, as one part of a path; set when the tree is made.
    pub(super) key: String,
    known: Arc<OnceLock<Option<String>>>,
}

impl File {
    /// A hosted file of these bytes, with its right SHA-256 and size.
    pub(crate) fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::of(Content::Bytes(bytes.into()))
    }

    /// The same of so many bytes that do not compress, made from a seed whenever they are read.
    pub(crate) fn noise(seed: u64, length: u64) -> Self {
        Self::of(Content::Noise { seed, length })
    }

    /// The same of so many zeros; GiBs of them take no memory, but a checksum takes its time.
    pub(crate) fn zeros(length: u64) -> Self {
        Self::of(Content::Zeros(length))
    }

    /// A file at an address elsewhere, of which the registry knows neither checksum nor size.
    pub(crate) fn link(url: &str) -> Self {
        let place = Place::Link(url.to_owned());
        Self {
            place,
            ..Self::of(Content::Zeros(0)).unknown()
        }
    }

    fn of(content: Content) -> Self {
        Self {
            content,
            place: Place::Store,
            checksum: Checksum::Right(Kind::Sha256),
            size: Size::Right,
            through: false,
            key: String::new(),
            known: Arc::default(),
        }
    }

    /// The file is on its owner's own host, a third port of the stand-in, and no file of the registry.
    pub(crate) fn on_owners_host(self) -> Self {
        Self {
            place: Place::OwnersHost,
            ..self
        }
    }

    /// Vagrant Cloud gives its own address for a file that is elsewhere, and redirects from there.
    pub(crate) fn through_registry(self) -> Self {
        Self {
            through: true,
            ..self
        }
    }

    /// What is said of its checksum.
    pub(crate) fn checksum(self, checksum: Checksum) -> Self {
        Self {
            checksum,
            known: Arc::default(),
            ..self
        }
    }

    /// What HCP says of its size.
    pub(crate) fn size(self, size: Size) -> Self {
        Self { size, ..self }
    }

    /// Neither checksum nor size are known, as with HCP before a file was uploaded.
    pub(crate) fn unknown(self) -> Self {
        self.checksum(Checksum::None).size(Size::Wrong(0))
    }

    /// All its bytes, to compare with.
    pub(crate) fn read(&self) -> Vec<u8> {
        self.content.pieces().flatten().collect()
    }

    /// Its length in bytes, whatever the registry says.
    pub(crate) fn length(&self) -> u64 {
        self.content.length()
    }

    /// Its true checksum, in lower-case hex.
    pub(crate) fn hex(&self, kind: Kind) -> String {
        match kind {
            Kind::Md5 => self.content.digest::<Md5>(),
            Kind::Sha1 => self.content.digest::<Sha1>(),
            Kind::Sha256 => self.content.digest::<Sha256>(),
            Kind::Sha384 => self.content.digest::<Sha384>(),
            Kind::Sha512 => self.content.digest::<Sha512>(),
        }
    }

    /// What is said: the type and the value. Computed once.
    pub(super) fn said(&self) -> (Option<String>, Option<String>) {
        let value = self.known.get_or_init(|| match self.checksum {
            Checksum::Right(kind) => Some(self.hex(kind)),
            Checksum::Upper(kind) => Some(self.hex(kind).to_uppercase()),
            Checksum::Wrong(kind) => Some(other(&self.hex(kind))),
            Checksum::None | Checksum::Unset => Some(String::new()),
            Checksum::Missing => None,
        });
        let name = match self.checksum {
            Checksum::Right(kind) | Checksum::Wrong(kind) => Some(kind.name().to_owned()),
            Checksum::Upper(kind) => Some(kind.name().to_uppercase()),
            Checksum::None => Some("none".to_owned()),
            Checksum::Unset => Some("unset".to_owned()),
            Checksum::Missing => None,
        };
        (name, value.clone())
    }
}

/// The same checksum but for its first digit.
fn other(hex: &str) -> String {
    let first = if hex.starts_with('0') { "1" } else { "0" };
    format!("{first}{}", &hex[1..])
}
