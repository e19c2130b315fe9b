//! Encodes and decodes the frame headers of yamux, version 0.

/// The length of a frame's header in bytes.
pub(super) const HEADER: usize = 12;

/// The bytes that a stream may carry before the receiver grants a window update.
pub(super) const WINDOW: u32 = 256 * 1024;

/// The type of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bytes of a stream.
    Data = 0,
    /// A grant of more bytes for a stream.
    WindowUpdate = 1,
    /// A check that the other side is alive, or with [`Flags::ACK`] its answer.
    Ping = 2,
    /// The end of the session.
    GoAway = 3,
}

/// The flags of a frame, which open and close its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags(u16);

impl Flags {
    pub(super) const NONE: Self = Self(0);
    /// The stream begins.
    pub(super) const SYN: Self = Self(1);
    /// The stream's beginning is acknowledged.
    pub(super) const ACK: Self = Self(2);
    /// The sender sends no more.
    pub(super) const FIN: Self = Self(4);
    /// The stream is reset.
    pub(super) const RST: Self = Self(8);

    pub(super) fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) flags: Flags,
    /// The stream's number; 0 for a ping and for the end of the session.
    pub(super) stream: u32,
    /// For data, the length of the body that follows; for other types a value, with no body.
    pub(super) length: u32,
}

impl Header {
    pub(super) fn encode(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[1] = self.kind as u8;
        bytes[2..4].copy_from_slice(&self.flags.0.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.stream.to_be_bytes());
        bytes[8..].copy_from_slice(&self.length.to_be_bytes());
        bytes
    }

    pub(super) fn decode(bytes: [u8; HEADER]) -> Result<Self, FrameError> {
        let [version, kind, high, low, s0, s1, s2, s3, l0, l1, l2, l3] = bytes;
        if version != 0 {
            return Err(FrameError::Version(version));
        }
        Ok(Self {
            kind: match kind {
                0 => Kind::Data,
                1 => Kind::WindowUpdate,
                2 => Kind::Ping,
                3 => Kind::GoAway,
                other => return Err(FrameError::Kind(other)),
            },
            flags: Flags(u16::from_be_bytes([high, low])),
            stream: u32::from_be_bytes([s0, s1, s2, s3]),
            length: u32::from_be_bytes([l0, l1, l2, l3]),
        })
    }
}

/// A violation of the framing or of the rules for streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("not yamux: version {0}")]
    Version(u8),
    #[error("not yamux: a frame of type {0}")]
    Kind(u8),
    #[error("stream {0} received more than its window allows")]
    Overrun(u32),
    #[error("stream {0} begins again, or its number does not belong to the other side")]
    WrongStream(u32),
}

impl From<FrameError> for std::io::Error {
    fn from(error: FrameError) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(hex: &str) -> Header {
        let digits = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
        Header::decode(std::array::from_fn(digits)).unwrap()
    }

    #[test]
    fn frames_are_those_that_packer_sends() {
        for (hex, kind, flags, stream, length) in [
            (
                "000100010000000100000000",
                Kind::WindowUpdate,
                Flags::SYN,
                1,
                0,
            ),
            (
                "000100020000000100000000",
                Kind::WindowUpdate,
                Flags::ACK,
                1,
                0,
            ),
            ("000000000000000100000004", Kind::Data, Flags::NONE, 1, 4),
            ("000200010000000000000000", Kind::Ping, Flags::SYN, 0, 0),
            ("000200020000000000000000", Kind::Ping, Flags::ACK, 0, 0),
            ("000300000000000000000002", Kind::GoAway, Flags::NONE, 0, 2),
        ] {
            let expected = Header {
                kind,
                flags,
                stream,
                length,
            };
            assert_eq!(header(hex), expected, "{hex}");
            let encoded: String = expected
                .encode()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(encoded, hex);
        }
    }

    proptest! {
        #[test]
        fn what_is_decoded_says_the_same_again_and_the_rest_is_refused(bytes: [u8; HEADER]) {
            match Header::decode(bytes) {
                Ok(header) => prop_assert_eq!(header.encode(), bytes),
                Err(FrameError::Version(version)) => prop_assert_ne!(version, 0),
                Err(error) => prop_assert_eq!(error, FrameError::Kind(bytes[1])),
            }
        }
    }
}
