//! Requests as the kernel writes them, and any bytes at all.

use proptest::prelude::*;

use super::super::wire::tests::request;
use super::*;

/// Says how often it was asked.
#[derive(Default)]
struct Counted(usize);

impl Contents for Counted {
    fn content(&mut self, file: File, _now: Instant) -> Vec<u8> {
        self.0 += 1;
        if file == File::Disks {
            return vec![b'x'; MOST_BYTES];
        }
        format!("{file:?} {}\n", self.0).into_bytes()
    }
}

struct Bed {
    answers: Answers,
    contents: Counted,
    now: Instant,
    out: Out,
}

impl Bed {
    fn new() -> Self {
        let answers = Answers::new(1, 1_700_000_000);
        Self { answers, contents: Counted::default(), now: Instant::now(), out: Out::new() }
    }

    /// The error, and the body with what is behind it.
    fn ask(&mut self, operation: u32, node: u64, body: &[u8]) -> Option<(i32, Vec<u8>)> {
        let bytes = request(operation, node, body);
        let request = Request::parse(&bytes).unwrap();
        let Self { answers, contents, now, out } = self;
        let content = answers.answer(request, contents, *now, out)?;
        let head = out.bytes();
        let all = [head, content.bytes()].concat();
        assert_eq!(all[..4], u32::try_from(all.len()).unwrap().to_ne_bytes(), "its length");
        assert_eq!(all[8..16], 77_u64.to_ne_bytes(), "whose it is");
        Some((-i32::from_ne_bytes(all[4..8].try_into().unwrap()), all[16..].to_vec()))
    }

    fn open(&mut self, node: u64) -> u64 {
        let (error, body) = self.ask(14, node, &[0; 8]).unwrap();
        assert_eq!((error, body.len()), (0, 16), "sizeof(struct fuse_open_out)");
        u64::from_ne_bytes(body[..8].try_into().unwrap())
    }

    fn read(&mut self, node: u64, reader: u64, offset: u64, size: u32) -> Vec<u8> {
        let (error, body) = self.ask(15, node, &read_body(reader, offset, size)).unwrap();
        assert_eq!(error, 0);
        body
    }
}

fn read_body(reader: u64, offset: u64, size: u32) -> Vec<u8> {
    let mut body = [reader.to_ne_bytes(), offset.to_ne_bytes()].concat();
    body.extend(size.to_ne_bytes());
    body.extend([0; 20]);
    body
}

#[test]
fn it_begins_by_agreeing_on_a_version() {
    let mut bed = Bed::new();
    let asked = |major: u32, minor: u32| {
        let words = [major, minor, 131_072, u32::MAX];
        words.into_iter().flat_map(u32::to_ne_bytes).collect::<Vec<u8>>()
    };
    let (error, body) = bed.ask(26, 0, &asked(7, 45)).unwrap();
    assert_eq!((error, body.len()), (0, 64), "sizeof(struct fuse_init_out)");
    assert_eq!(body[..4], 7_u32.to_ne_bytes());
    assert_eq!(body[12..16], [0; 4], "nothing that is optional");
    assert_eq!(body[20..24], MOST_WRITTEN.to_ne_bytes());
    assert_eq!(bed.ask(26, 0, &asked(8, 0)).unwrap().0, 0, "the kernel asks again");
    assert_eq!(bed.ask(26, 0, &asked(7, 22)).unwrap().0, libc::EPROTO);
    assert_eq!(bed.ask(26, 0, &asked(6, 99)).unwrap().0, libc::EPROTO);
    assert_eq!(bed.ask(26, 0, &[7]).unwrap().0, libc::EINVAL);
}

#[test]
fn names_lead_to_files_that_can_be_read() {
    let mut bed = Bed::new();
    let (error, body) = bed.ask(1, 1, b"meminfo\0").unwrap();
    assert_eq!((error, body.len()), (0, 128), "sizeof(struct fuse_entry_out)");
    assert_eq!(body[..8], 2_u64.to_ne_bytes());
    assert_eq!(bed.ask(1, 1, b"mem\0").unwrap().0, libc::ENOENT);
    assert_eq!(bed.ask(1, 2, b"meminfo\0").unwrap().0, libc::ENOENT);
    assert_eq!(bed.ask(1, 1, b"meminfo").unwrap().0, libc::EINVAL);
    let (error, body) = bed.ask(3, 2, &[0; 16]).unwrap();
    assert_eq!((error, body.len()), (0, 104), "sizeof(struct fuse_attr_out)");
    assert_eq!(body[16 + 60..16 + 64], FILE_MODE.to_ne_bytes());
    assert_eq!(body[..8], [0; 8], "to be asked again at every open");
    assert_eq!(body[16 + 8..16 + 16], 9_u64.to_ne_bytes(), "the size of what is read then");
    assert_eq!(bed.read(2, 1, 0, 100), b"Memory 1\n");
    let (_, body) = bed.ask(3, 1, &[0; 16]).unwrap();
    assert_eq!(body[16 + 60..16 + 64], DIRECTORY_MODE.to_ne_bytes());
    assert_eq!(bed.ask(3, 99, &[0; 16]).unwrap().0, libc::ENOENT);
    let writing = [libc::O_WRONLY.to_ne_bytes(), [0; 4]].concat();
    assert_eq!(bed.ask(14, 2, &writing).unwrap().0, libc::EACCES);
    assert_eq!(bed.ask(14, 1, &[0; 8]).unwrap().0, libc::ENOENT);
    assert_eq!(bed.ask(17, 1, &[]).unwrap().1.len(), 80, "sizeof(struct fuse_kstatfs)");
}

#[test]
fn the_directory_lists_all_in_pieces() {
    let mut bed = Bed::new();
    let (error, body) = bed.ask(27, 1, &[0; 8]).unwrap();
    assert_eq!((error, body.len()), (0, 16));
    let (mut offset, mut found) = (0_u64, Vec::new());
    loop {
        let (error, body) = bed.ask(28, 1, &read_body(0, offset, 100)).unwrap();
        assert!(error == 0 && body.len() <= 100);
        if body.is_empty() {
            break;
        }
        let mut at = 0;
        while at < body.len() {
            offset = u64::from_ne_bytes(body[at + 8..at + 16].try_into().unwrap());
            let length = u32::from_ne_bytes(body[at + 16..at + 20].try_into().unwrap()) as usize;
            found.push(String::from_utf8(body[at + 24..at + 24 + length].to_vec()).unwrap());
            at += 24 + length.next_multiple_of(8);
        }
    }
    assert_eq!(found, [".", ".."].into_iter().chain(names()).collect::<Vec<_>>());
    assert_eq!(bed.ask(28, 2, &read_body(0, 0, 100)).unwrap().0, libc::ENOTDIR);
    assert_eq!(bed.ask(28, 1, &read_body(0, u64::MAX, 100)).unwrap().1, b"");
}

#[test]
fn who_reads_in_pieces_reads_one_file() {
    let mut bed = Bed::new();
    let first = bed.open(2);
    assert_eq!(bed.read(2, first, 0, 3), b"Mem");
    bed.now += SHARED_FOR;
    let second = bed.open(2);
    assert_eq!(bed.read(2, second, 0, 100), b"Memory 2\n");
    assert_eq!(bed.read(2, first, 3, 100), b"ory 1\n", "as it began");
    assert_eq!(bed.read(2, first, 9, 100), b"");
    assert_eq!(bed.read(2, first, u64::MAX, u32::MAX), b"");
    bed.now += SHARED_FOR;
    assert_eq!(bed.read(2, first, 0, 100), b"Memory 3\n", "from the beginning it is a new one");
    let others = bed.open(2);
    assert_eq!(bed.read(2, others, 0, 100), b"Memory 3\n", "at the same time it is the same");
    for reader in [first, second, others] {
        let body = [&reader.to_ne_bytes()[..], &[0; 16]].concat();
        assert_eq!(bed.ask(18, 2, &body), Some((0, Vec::new())));
    }
    assert!(bed.answers.kept.is_empty());
}

#[test]
fn what_is_kept_is_bounded_and_nobody_is_refused() {
    let mut bed = Bed::new();
    let readers: Vec<u64> = (0..10 * MOST_KEPT).map(|_| bed.open(2)).collect();
    for reader in &readers {
        bed.now += SHARED_FOR;
        bed.read(2, *reader, 0, 1);
    }
    assert_eq!(bed.answers.kept.len(), MOST_KEPT);
    let late = bed.read(2, readers[0], 1, 100);
    assert!(late.starts_with(b"emory "), "what was forgotten is made anew");
    // The seventh file says a megabyte.
    for _ in 0..3 {
        let reader = bed.open(8);
        bed.now += SHARED_FOR;
        assert_eq!(bed.read(8, reader, 0, 5), b"xxxxx");
        let sum: usize = bed.answers.kept.iter().map(|kept| kept.bytes.len()).sum();
        assert!(sum <= MOST_BYTES);
    }
}

#[test]
fn the_rest_is_refused_or_has_no_answer() {
    let mut bed = Bed::new();
    for operation in [2, 42] {
        assert_eq!(bed.ask(operation, 2, &[0; 8]), None, "forgetting is not answered");
    }
    for operation in [0, 4, 16, 22, 25, 36, 44, 50, 4096, u32::MAX] {
        assert_eq!(bed.ask(operation, 2, &[0; 64]), Some((libc::ENOSYS, Vec::new())));
    }
    assert_eq!(bed.ask(34, 2, &libc::R_OK.to_ne_bytes()), Some((0, Vec::new())));
    assert_eq!(bed.ask(34, 2, &libc::W_OK.to_ne_bytes()), Some((libc::EROFS, Vec::new())));
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer_of_their_length(
        operation in 0_u32..60,
        node in prop_oneof![0_u64..20, any::<u64>()],
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bed = Bed::new();
        if let Some((error, body)) = bed.ask(operation, node, &body) {
            prop_assert!(error >= 0);
            prop_assert!(error == 0 || body.is_empty());
            prop_assert!(body.len() <= MOST_BYTES);
        }
        prop_assert!(bed.answers.kept.len() <= 1);
    }

    #[test]
    fn any_bytes_are_a_request_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut bed = Bed::new();
        if let Some(request) = Request::parse(&bytes) {
            let Bed { answers, contents, now, out } = &mut bed;
            let _answered = answers.answer(request, contents, *now, out);
        }
    }
}
