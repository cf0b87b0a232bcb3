//! Streams that are silent, and streams that are over.

use std::time::Duration;

use bytes::BytesMut;
use h2::RecvStream;
use libchan::Options;

use crate::hand::{ACCEPT, Client, TOKEN, in_time, listen, part};

/// Reads until so many signs of life have come, and nothing else.
async fn hear_signs(body: &mut RecvStream, count: usize) {
    let mut heard = BytesMut::new();
    let sign = part(0, &[]);
    while heard.len() < count * sign.len() {
        let piece = in_time(body.data()).await.unwrap().unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        heard.extend_from_slice(&piece);
    }
    assert_eq!(heard, sign.repeat(heard.len() / sign.len()));
}

/// On whatever is open: a channel, what waits for a stream of the server's, the control stream, and a way that has ended while the other
/// one has not.
#[tokio::test]
async fn what_is_silent_gives_signs_of_life() {
    let mut options = Options::default();
    options.limits.stream_keep_alive = Some(Duration::from_millis(10));
    let (listener, host) = listen(options).await;
    let mut client = Client::connect(&host).await;
    let (session, _control, mut answers) = client.session(&listener).await;
    hear_signs(&mut answers, 10).await;
    let spare = client.ask(&[("libchan-session", TOKEN), ACCEPT]).await;
    let mut spare_answer = in_time(spare.answer).await.unwrap().into_body();
    hear_signs(&mut spare_answer, 10).await;
    // Those do not take its place.
    let opened = session.open::<u8>().unwrap();
    drop(opened);
    let mut bytes = BytesMut::new();
    let ended = part(1, &[]);
    while !bytes.ends_with(&ended) {
        bytes.extend_from_slice(&in_time(spare_answer.data()).await.unwrap().unwrap());
        while bytes.ends_with(&part(0, &[])) {
            bytes.truncate(bytes.len() - part(0, &[]).len());
        }
    }
    hear_signs(&mut spare_answer, 10).await;
    let mut stream = client.stream("2").await;
    let mut answer = in_time(stream.answer).await.unwrap().into_body();
    hear_signs(&mut answer, 10).await;
    // The peer's, before and after what he says, are no part of it.
    for said in [part(0, &[]), part(0, &[7]), part(0, &[]), part(1, &[]), part(0, &[])] {
        stream.send.send_data(said, false).unwrap();
    }
    let mut numbers = in_time(session.accept::<u8>()).await.unwrap().unwrap();
    assert_eq!(in_time(numbers.recv()).await, Ok(Some(7)));
    assert_eq!(in_time(numbers.recv()).await, Ok(None));
}
