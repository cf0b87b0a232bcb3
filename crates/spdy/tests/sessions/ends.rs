//! How sessions end: in good order, by a fault, and with a peer that does not let them.

use spdy::{Error, Headers, Limits, Opening, Role, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{by_hand, never, start};

#[tokio::test(flavor = "current_thread")]
async fn an_end_without_good_order_is_told_everywhere() {
    let (near, far) = UnixStream::pair().unwrap();
    let (client, mut incoming, driver) = start(near, Role::Client, &Limits::default(), never());
    let mut stream = client.open(Headers::new(), Opening::default()).unwrap();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.ping().await }
    });
    tokio::task::yield_now().await;
    drop(far);
    assert!(matches!(stream.receive.receive().await, Err(Error::Closed)));
    assert!(matches!(stream.receive.replied().await, Err(Error::Closed)));
    assert!(matches!(stream.send.send("x").await, Err(Error::Closed)));
    assert!(matches!(waiting.await.unwrap(), Err(Error::Closed)));
    assert!(incoming.accept().await.is_none() && client.is_closed());
    // Whether writing or reading finds it out first is the kernel's affair.
    assert!(matches!(driver.await.unwrap(), Ok(()) | Err(Error::Connection(_))));
    drop(stream);
    assert_eq!(client.usage().streams, 0);

    let (near, mut far) = UnixStream::pair().unwrap();
    let (client, _incoming, driver) = start(near, Role::Client, &Limits::default(), never());
    far.write_all(b"\x80\x02\0\x01\0\0\0\0").await.unwrap();
    let mut told = Vec::new();
    let mut stream = client.open(Headers::new(), Opening::default()).unwrap();
    assert!(matches!(stream.receive.receive().await, Err(Error::Protocol(_))));
    far.read_to_end(&mut told).await.unwrap();
    assert!(told.ends_with(b"\x80\x03\0\x07\0\0\0\x08\0\0\0\0\0\0\0\x01"), "{told:x?}");
    drop(far);
    assert!(matches!(driver.await.unwrap(), Err(Error::Protocol(_))));
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_sent_before_the_end_arrives() {
    let (near, far) = tokio::io::duplex(1000);
    let (client, nobody, client_driver) = start(near, Role::Client, &Limits::default(), never());
    let (server, mut incoming, server_driver) =
        start(far, Role::Server, &Limits::default(), never());
    let mut stream = client.open(Headers::new(), Opening::default()).unwrap();
    let mut answer = incoming.accept().await.unwrap().reply(Headers::new()).unwrap();
    // More than the windows allow, so it waits for a reader; whoever sent it has gone.
    answer.send.send(vec![7; 1 << 20]).await.unwrap();
    answer.send.finish().unwrap();
    drop(answer);
    server.close();
    let late = client.open(Headers::new(), Opening::default()).unwrap();
    let mut all = Vec::new();
    stream.receive.read_to_end(&mut all).await.unwrap();
    assert!(all == vec![7; 1 << 20]);
    let refused = late.split().1.receive().await;
    assert!(matches!(
        refused,
        Err(Error::Reset(Status::REFUSED_STREAM) | Error::Closed | Error::GoingAway)
    ));
    drop(stream);
    server_driver.await.unwrap().unwrap();
    client_driver.await.unwrap().unwrap();
    drop(nobody);
}

#[tokio::test(flavor = "current_thread")]
async fn a_peer_that_never_closes_is_not_waited_for_for_ever() {
    let (near, far) = UnixStream::pair().unwrap();
    let (timer, over) = by_hand();
    let (client, _nobody, driver) = start(near, Role::Client, &Limits::default(), timer);
    client.close();
    over.notify_one();
    driver.await.unwrap().unwrap();
    drop(far);
    // A driver that is dropped ends everything at once.
    let (near, far) = UnixStream::pair().unwrap();
    let (client, mut incoming, driver) = start(near, Role::Client, &Limits::default(), never());
    let mut stream = client.open(Headers::new(), Opening::default()).unwrap();
    driver.abort();
    assert!(matches!(stream.receive.receive().await, Err(Error::Closed)));
    assert!(incoming.accept().await.is_none());
    drop(far);
}
