use super::{FrameHead, FrameScanner};

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags, 0x80, 0, 1, 2];
    bytes.extend(payload);
    bytes
}

#[test]
fn every_frame_is_scanned_once_for_any_split() {
    let payloads = [0, 1, 9, 300, 0, 0, 70_000, 5];
    let mut bytes = b"preface".to_vec();
    let mut expected = Vec::new();
    for (kind, length) in (0..).zip(payloads) {
        bytes.extend(frame(kind, kind ^ 5, &vec![kind; length]));
        let length = u32::try_from(length).unwrap();
        expected.push(FrameHead {
            kind,
            flags: kind ^ 5,
            stream: 258,
            length,
        });
    }
    for size in [1, 2, 8, 9, 10, 64, 4096, bytes.len()] {
        let mut frames = FrameScanner::after(7);
        let mut seen = Vec::new();
        for part in bytes.chunks(size) {
            frames.read(part, |head| seen.push(head));
        }
        assert_eq!(seen, expected, "in parts of {size}");
    }
}
