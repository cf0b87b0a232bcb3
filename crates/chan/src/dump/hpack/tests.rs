//! The examples of RFC 7541, appendix C, and what is no block.

use super::*;

fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| *byte != b' ').collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[track_caller]
fn reads(decoder: &mut Decoder, digits: &str, fields: &str) {
    let read = decoder.block(&bytes(digits), 4096).unwrap();
    let line = |(name, value): &Field| {
        format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
    };
    let read: Vec<String> = read.fields.iter().map(line).collect();
    assert_eq!(read, fields.split(" | ").collect::<Vec<_>>());
}

#[test]
fn numbers_and_single_fields() {
    for (digits, bits, value) in [("0a", 5, 10), ("1f9a0a", 5, 1337), ("2a", 8, 42)] {
        assert_eq!(number(&mut &bytes(digits)[..], bits), Ok(value));
    }
    for (digits, fields) in [
        (
            "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
            "custom-key: custom-header",
        ),
        ("040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path"),
        ("1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret"),
        ("82", ":method: GET"),
    ] {
        reads(&mut Decoder::default(), digits, fields);
    }
}

const REQUESTS: [&str; 3] = [
    ":method: GET | :scheme: http | :path: / | :authority: www.example.com",
    ":method: GET | :scheme: http | :path: / | :authority: www.example.com | cache-control: no-cache",
    ":method: GET | :scheme: https | :path: /index.html | :authority: www.example.com | custom-key: custom-value",
];

#[test]
fn requests() {
    for blocks in [
        [
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ],
        [
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        ],
    ] {
        let mut decoder = Decoder::default();
        blocks.iter().zip(REQUESTS).for_each(|(block, fields)| reads(&mut decoder, block, fields));
    }
}

const ANSWERS: [&str; 3] = [
    ":status: 302 | cache-control: private | date: Mon, 21 Oct 2013 20:13:21 GMT | location: https://www.example.com",
    ":status: 307 | cache-control: private | date: Mon, 21 Oct 2013 20:13:21 GMT | location: https://www.example.com",
    ":status: 200 | cache-control: private | date: Mon, 21 Oct 2013 20:13:22 GMT | location: https://www.example.com | content-encoding: gzip | set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
];

/// In a table of 256 bytes, from which fields are evicted.
#[test]
fn answers() {
    for blocks in [
        [
            "3fe101 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "4803 3330 37c1 c0bf",
            "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
        ],
        [
            "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
            "4883 640e ffc1 c0bf",
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        ],
    ] {
        let mut decoder = Decoder::default();
        blocks.iter().zip(ANSWERS).for_each(|(block, fields)| reads(&mut decoder, block, fields));
        // Three are left.
        assert!(decoder.block(&[0xc0], 4096).is_ok());
        assert_eq!(decoder.block(&[0xc1], 4096), Err(Fault::Unknown(65)));
    }
}

#[test]
fn what_is_no_block_is_told() {
    for (digits, fault) in [
        ("80", Fault::Unknown(0)),
        ("be", Fault::Unknown(62)),
        ("41", Fault::End),
        ("410f77", Fault::End),
        ("ff", Fault::End),
        ("ffffffffff0f", Fault::Number),
        ("ff80808080808080808080", Fault::Number),
        ("ffffffffffffffffffff01", Fault::Number),
        ("0081fe00", Fault::Huffman),
        ("3fe2ff03", Fault::Table(65537)),
    ] {
        assert_eq!(Decoder::default().block(&bytes(digits), 4096), Err(fault), "{digits}");
    }
}

/// A byte names a field of kilobytes: what is more than is wanted is counted, and the table goes on.
#[test]
fn a_short_block_gives_no_long_one() {
    let mut block = bytes("4001 6e 7fc11e");
    block.extend([b'v'; 4096 - 32 - 32]);
    block.extend([0xbe; 1000]);
    let mut decoder = Decoder::default();
    let read = decoder.block(&block, 10_000).unwrap();
    assert_eq!((read.fields.len(), read.left_out), (2, 999));
    reads(&mut decoder, "82", ":method: GET");
}
