//! Provides the files of boxes: bytes that are generated on demand, and the right or wrong checksum and size
//! that a registry gives for them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

const BLOCK: u64 = 64 * 1024;

/// Bytes that can be read from any position. Only `Bytes` takes memory.
#[derive(Debug, Clone, Hash)]
pub(crate) enum Content {
    Bytes(Bytes),
    /// Bytes that do not compress, always the same for a seed.
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

    /// Returns the bytes from a position to the end of its block of 64 KiB; no bytes at the end.
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

    /// Returns all pieces, in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Bytes> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let piece = self.piece(at);
            at += piece.len() as u64;
            (!piece.is_empty()).then_some(piece)
        })
    }

    /// Returns a hash of the description of the content; no bytes are made for it.
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

    /// Returns the name as Vagrant Cloud writes it, in lower case.
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

/// The checksum that the registry gives for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checksum {
    Right(Kind),
    /// The right checksum with the value in upper case, and also the type where others write it in lower
    /// case.
    Upper(Kind),
    /// A checksum of no file.
    Wrong(Kind),
    /// HCP's `NONE`: the owner gave no checksum.
    None,
    /// HCP's `UNSET`.
    Unset,
    /// The keys are missing.
    Missing,
}

/// The size that the registry gives for a file. Only HCP's API gives one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Right,
    Wrong(u64),
    /// The key is missing.
    Missing,
}

/// The place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// The store of the registry, which gives out addresses there.
    Store,
    /// The owner's own host, which the fake registry plays on a third port.
    OwnersHost,
    /// This address, which the fake registry does not serve.
    Link(String),
}

/// A file of a box, with the checksum and size that its registry gives.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(super) content: Content,
    pub(super) place: Place,
    pub(super) checksum: Checksum,
    pub(super) size: Size,
    pub(super) through: bool,
    /// The names that lead to the file, as one segment of a path; set when the tree is made.
    pub(super) key: String,
    known: Arc<OnceLock<Option<String>>>,
}

impl File {
    /// Creates a hosted file of these bytes, with its right SHA-256 and size.
    pub(crate) fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::of(Content::Bytes(bytes.into()))
    }

    /// Creates a hosted file of bytes that do not compress, made from a seed whenever they are read.
    pub(crate) fn noise(seed: u64, length: u64) -> Self {
        Self::of(Content::Noise { seed, length })
    }

    /// Creates a hosted file of zeros. GiBs of them take no memory, but a checksum takes long.
    pub(crate) fn zeros(length: u64) -> Self {
        Self::of(Content::Zeros(length))
    }

    /// Creates a file at an address elsewhere, for which the registry has neither checksum nor size.
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

    /// Moves the file to its owner's own host, a third port of the fake registry.
    pub(crate) fn on_owners_host(self) -> Self {
        Self {
            place: Place::OwnersHost,
            ..self
        }
    }

    /// Lets Vagrant Cloud give its own address for a file that is elsewhere, and redirect from there.
    pub(crate) fn through_registry(self) -> Self {
        Self {
            through: true,
            ..self
        }
    }

    /// Sets the checksum that the registry gives.
    pub(crate) fn checksum(self, checksum: Checksum) -> Self {
        Self {
            checksum,
            known: Arc::default(),
            ..self
        }
    }

    /// Sets the size that HCP gives.
    pub(crate) fn size(self, size: Size) -> Self {
        Self { size, ..self }
    }

    /// Removes checksum and size, as with HCP before a file was uploaded.
    pub(crate) fn unknown(self) -> Self {
        self.checksum(Checksum::None).size(Size::Wrong(0))
    }

    /// Returns all bytes, to compare with.
    pub(crate) fn read(&self) -> Vec<u8> {
        self.content.pieces().flatten().collect()
    }

    /// Returns the true length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.content.length()
    }

    /// Returns the true checksum, in lower-case hex.
    pub(crate) fn hex(&self, kind: Kind) -> String {
        match kind {
            Kind::Md5 => self.content.digest::<Md5>(),
            Kind::Sha1 => self.content.digest::<Sha1>(),
            Kind::Sha256 => self.content.digest::<Sha256>(),
            Kind::Sha384 => self.content.digest::<Sha384>(),
            Kind::Sha512 => self.content.digest::<Sha512>(),
        }
    }

    /// Returns the type and the value of the checksum that the registry gives. The value is computed once.
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

/// Returns the checksum with another first digit.
fn other(hex: &str) -> String {
    let first = if hex.starts_with('0') { "1" } else { "0" };
    format!("{first}{}", &hex[1..])
}
