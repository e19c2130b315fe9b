//! Makes the files that the checks upload.

/// A gzip file that is valid, as clients send it, and different for each label: the label stands where the name of the
/// packed file would.
pub(super) fn archive(label: &str) -> Vec<u8> {
    let header = [0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
    let nothing_packed = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    [&header[..], label.as_bytes(), &[0], &nothing_packed].concat()
}

/// A valid gzip file of many members, too large for one packet or one buffer.
pub(super) fn large_archive(label: &str) -> Vec<u8> {
    let member = archive(label);
    member.repeat(1_000_000 / member.len())
}
