//! Makes the files that the checks upload.

/// Returns a valid gzip file, as clients send it, which differs for each label: the label is stored as the original
/// file name.
pub(super) fn archive(label: &str) -> Vec<u8> {
    let header = [0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
    let nothing_packed = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    [&header[..], label.as_bytes(), &[0], &nothing_packed].concat()
}

/// Returns a valid gzip file of many members, too large for one packet or one buffer.
pub(super) fn large_archive(label: &str) -> Vec<u8> {
    let member = archive(label);
    member.repeat(1_000_000 / member.len())
}
