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

/// Returns a valid box: a tar with a `metadata.json` that names the provider, and a label that makes it differ.
pub(super) fn box_file(label: &str) -> Vec<u8> {
    let metadata = format!("{{\"provider\":\"virtualbox\",\"label\":\"{label}\"}}");
    let mut header = [0; 512];
    let mut set = |at: usize, text: &str| {
        let field = header.get_mut(at..at + text.len());
        field
            .into_iter()
            .for_each(|it| it.copy_from_slice(text.as_bytes()));
    };
    set(0, "metadata.json");
    set(100, "0000644");
    set(124, &format!("{:011o}", metadata.len()));
    set(136, "00000000000");
    set(148, "        ");
    set(156, "0");
    set(257, "ustar");
    set(263, "00");
    // The checksum of a header counts its own field as spaces.
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    let checksum = format!("{sum:06o}\0 ");
    let field = header.get_mut(148..156);
    field
        .into_iter()
        .for_each(|it| it.copy_from_slice(checksum.as_bytes()));
    let mut bytes = [&header[..], metadata.as_bytes()].concat();
    bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
    bytes
}

/// Returns a valid box that is too large for one packet or one buffer.
pub(super) fn large_box_file(label: &str) -> Vec<u8> {
    let mut bytes = box_file(label);
    bytes.resize(1_000_448, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_box_is_a_tar_with_its_metadata() {
        for bytes in [box_file("one"), large_box_file("one")] {
            let mut archive = tar::Archive::new(&bytes[..]);
            let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
            assert_eq!(entry.path().unwrap().to_str(), Some("metadata.json"));
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            assert_eq!(text, r#"{"provider":"virtualbox","label":"one"}"#);
        }
        assert_ne!(box_file("one"), box_file("two"));
    }
}
