//! Peers that do what no session does: each costs itself at most, and is told; others go on.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::Reason;
use http::{Request, StatusCode};
use libchan::{ConnectError, Error, Options, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::hand::{ACCEPT, CONTROL, Client, Exchange, TOKEN, in_time, listen, part, read};

#[tokio::test]
async fn who_asks_wrongly_is_answered_and_others_go_on() {
    let (listener, host) = listen(Options::default()).await;
    let mut client = Client::connect(&host).await;
    let (session, _control, _answers) = client.session(&listener).await;
    let get = Request::get("http://host/channels").body(()).unwrap();
    assert_eq!(client.send(get).await.status().await, StatusCode::METHOD_NOT_ALLOWED);
    let elsewhere = Request::post("http://host/else").body(()).unwrap();
    assert_eq!(client.send(elsewhere).await.status().await, StatusCode::NOT_FOUND);
    let other = "fedcba9876543210fedcba9876543210";
    let upper = TOKEN.to_uppercase();
    let tokened = ("libchan-session", TOKEN);
    for (headers, status) in [
        (&[CONTROL][..], StatusCode::BAD_REQUEST),
        (&[("libchan-session", &upper), CONTROL], StatusCode::BAD_REQUEST),
        (&[tokened, ("libchan-ref", "-2")], StatusCode::BAD_REQUEST),
        (&[tokened, ("libchan-ref", "2"), ("libchan-ref", "2")], StatusCode::BAD_REQUEST),
        (&[tokened, ("libchan-ref", "2"), ("libchan-parent-ref", "B")], StatusCode::BAD_REQUEST),
        (&[("libchan-session", other), ("libchan-ref", "2")], StatusCode::NOT_FOUND),
        (&[("libchan-session", other), ACCEPT], StatusCode::NOT_FOUND),
        (&[tokened, CONTROL], StatusCode::CONFLICT),
    ] {
        let status_is = client.ask(headers).await.status().await;
        assert_eq!(status_is, status, "{headers:?}");
    }
    let mut right = client.stream("2").await;
    right.send.send_data(part(0, &[7]), false).unwrap();
    right.send.send_data(part(1, &[]), true).unwrap();
    let mut numbers = in_time(session.accept::<u8>()).await.unwrap().unwrap();
    assert_eq!(in_time(numbers.recv()).await, Ok(Some(7)));
    assert_eq!(in_time(numbers.recv()).await, Ok(None));
    let mut body = right.answer.await.unwrap().into_body();
    let (bytes, error) = in_time(read(&mut body)).await;
    let said = [part(0, &[]), part(1, &[])].concat();
    assert_eq!((bytes, error.is_none()), (said, true));
}

#[tokio::test]
async fn what_is_no_part_ends_its_stream_alone() {
    let (listener, host) = listen(Options::default()).await;
    let mut client = Client::connect(&host).await;
    let (session, _control, _answers) = client.session(&listener).await;
    let mut good = client.stream("2").await;
    let mut numbers = in_time(session.accept::<u8>()).await.unwrap().unwrap();
    for (number, wrong) in [
        ("3", part(9, &[])),
        ("4", part(1, &[1])),
        ("5", part(2, &[0; 24])),
        ("6", part(3, &[0; 3])),
        ("7", [part(1, &[]), part(0, &[1])].concat().into()),
    ] {
        let mut bad = client.stream(number).await;
        let mut refused = in_time(session.accept::<u8>()).await.unwrap().unwrap();
        bad.send.send_data(wrong.clone(), false).unwrap();
        let told = in_time(refused.recv()).await;
        if number == "7" {
            assert_eq!(told, Ok(None), "it had ended");
        } else {
            assert!(matches!(told, Err(Error::Protocol(_))), "{told:?} {wrong:?}");
        }
        // The number is SPDY's for what breaks the protocol.
        let mut body = bad.answer.await.unwrap().into_body();
        let (bytes, error) = in_time(read(&mut body)).await;
        assert!(bytes.ends_with(&part(3, &[0, 0, 0, 1])), "{number} {bytes:?}");
        assert!(error.is_none(), "{error:?}");
    }
    good.send.send_data(part(0, &[1]), false).unwrap();
    assert_eq!(in_time(numbers.recv()).await, Ok(Some(1)));
}

#[tokio::test]
async fn what_is_cut_off_is_told() {
    let (listener, host) = listen(Options::default()).await;
    let mut client = Client::connect(&host).await;
    let (session, _control, _answers) = client.session(&listener).await;
    // A string of five bytes, of which there are two.
    let half = part(0, &[0xa5, b'a', b'b']);
    let whole = part(0, &[0xa2, b'a', b'b']);
    for (number, (sent, reset, told)) in [
        // The body ends where a way does not.
        (whole.clone(), None, Error::Closed),
        (half.clone(), None, Error::Closed),
        (whole.slice(..6), None, Error::Closed),
        (half.clone(), Some(Reason::CANCEL), Error::Reset(5)),
        (half.clone(), Some(Reason::REFUSED_STREAM), Error::Reset(3)),
        (half.clone(), Some(Reason::PROTOCOL_ERROR), Error::Reset(1)),
        ([half.clone(), part(3, &[0, 0, 1, 2])].concat().into(), None, Error::Reset(258)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut stream = client.stream(&(number + 2).to_string()).await;
        let mut words = in_time(session.accept::<String>()).await.unwrap().unwrap();
        let is_whole = sent == whole;
        stream.send.send_data(sent, reset.is_none()).unwrap();
        if let Some(reset) = reset {
            // RST_STREAM overtakes what the library has not sent.
            let taken = stream.answer.await.unwrap();
            assert_eq!(taken.status(), StatusCode::OK);
            stream.send.send_reset(reset);
        }
        if is_whole {
            assert_eq!(in_time(words.recv()).await, Ok(Some("ab".to_owned())));
        }
        assert_eq!(in_time(words.recv()).await, Err(told), "{number}");
    }
}

#[tokio::test]
async fn a_lost_connection_ends_what_is_on_it() {
    let (listener, host) = listen(Options::default()).await;
    let mut client = Client::connect(&host).await;
    let (session, control, answers) = client.session(&listener).await;
    let mut stream = client.stream("2").await;
    stream.send.send_data(part(0, &[0xa5, b'a']), false).unwrap();
    let mut words = in_time(session.accept::<String>()).await.unwrap().unwrap();
    let waiting = session.open::<u8>().unwrap();
    client.connection.abort();
    drop((client, stream, control, answers));
    assert_eq!(in_time(words.recv()).await, Err(Error::Closed));
    assert!(in_time(session.accept::<u8>()).await.unwrap().is_none());
    in_time(waiting.closed()).await;
    assert_eq!(session.open::<u8>().unwrap_err(), Error::Closed);
    assert_eq!(in_time(session.ping()).await, Err(Error::Closed));
    // Its token is free.
    let mut client = Client::connect(&host).await;
    drop(client.session(&listener).await);
}

#[tokio::test]
async fn nobody_has_more_than_his_limits() {
    let mut options = Options::default();
    options.limits.streams = 2;
    options.limits.sessions = 1;
    let (listener, host) = listen(options).await;
    let mut client = Client::connect(&host).await;
    let (session, _control, _answers) = client.session(&listener).await;
    let other = ("libchan-session", "fedcba9876543210fedcba9876543210");
    let full = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(client.ask(&[other, CONTROL]).await.status().await, full);
    let one = client.stream("2").await;
    let two = client.stream("3").await;
    let (one_is, two_is) = tokio::join!(one.answer, two.answer);
    assert_eq!(one_is.unwrap().status(), StatusCode::OK);
    let _two = two_is.unwrap();
    assert_eq!(client.stream("4").await.status().await, full);
    let mut spares = Vec::new();
    let refused = loop {
        let spare = client.ask(&[("libchan-session", TOKEN), ACCEPT]).await;
        let answer = spare.answer.await.unwrap();
        if answer.status() != StatusCode::OK {
            break answer.status();
        }
        spares.push((spare.send, answer));
    };
    assert_eq!((refused, spares.len()), (full, 64));
    // This side keeps to its own, too.
    let _opened = [session.open::<u8>().unwrap(), session.open::<u8>().unwrap()];
    assert_eq!(session.open::<u8>().unwrap_err(), Error::Limit("streams"));
}

#[tokio::test]
async fn who_opens_and_resets_is_sent_away() {
    let (listener, host) = listen(Options::default()).await;
    let mut client = Client::connect(&host).await;
    let mut asked = 0_u32;
    // CVE-2023-44487: each costs the client nothing.
    let connection = loop {
        let Ok(ready) = client.requests.clone().ready().await else { break client.connection };
        client.requests = ready;
        let request = Request::post("http://host/channels").body(()).unwrap();
        let Ok((_, mut send)) = client.requests.send_request(request, false) else {
            break client.connection;
        };
        send.send_reset(Reason::CANCEL);
        asked += 1;
        assert!(asked < 1_000_000, "nobody minds");
        if asked.is_multiple_of(100) {
            tokio::task::yield_now().await;
        }
    };
    let told = in_time(connection).await.unwrap().unwrap_err();
    assert_eq!(told.reason(), Some(Reason::ENHANCE_YOUR_CALM), "{told:?}");
    drop(Client::connect(&host).await.session(&listener).await);
}

#[tokio::test]
async fn who_says_nothing_is_let_go() {
    let mut options = Options::default();
    options.limits.greeting_wait = Duration::from_millis(1);
    let (_listener, host) = listen(options).await;
    let mut silent = TcpStream::connect(&host).await.unwrap();
    let mut bytes = Vec::new();
    // Its own greeting, and the end.
    let _reset = in_time(silent.read_to_end(&mut bytes)).await;
    let mut idle = TcpStream::connect(&host).await.unwrap();
    idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let _reset = in_time(idle.read_to_end(&mut bytes)).await;
}

/// Signs of life are asked for and given on the control stream, so that a proxy's answers say nothing.
#[tokio::test]
async fn a_peer_that_is_silent_is_given_up() {
    let mut options = Options::default();
    // Far more than an answer takes on a machine that has much else to do.
    options.limits.keep_alive = Some(Duration::from_millis(500));
    let (listener, host) = listen(options).await;
    let mut client = Client::connect(&host).await;
    let (session, mut send, mut body) = client.session(&listener).await;
    let Exchange { send: _open, answer } = client.stream("3").await;
    let _taken = in_time(answer).await.unwrap();
    let mut channel = in_time(session.accept::<u64>()).await.unwrap().unwrap();
    let mut said = BytesMut::new();
    for _ in 0..2 {
        while !said.ends_with(&[0, 0, 0, 0, 1, 1]) {
            said.extend_from_slice(&in_time(body.data()).await.unwrap().unwrap());
        }
        said.clear();
        send.send_data(Bytes::from_static(&[0, 0, 0, 0, 1, 2]), false).unwrap();
    }
    assert!(!session.is_closed());
    // The connection stays, and nothing more is said.
    assert_eq!(in_time(session.ended()).await, Err(Error::TimedOut));
    assert_eq!(in_time(channel.recv()).await, Err(Error::Closed));
    assert!(in_time(session.accept::<u64>()).await.unwrap().is_none());
    assert!(!client.connection.is_finished());
}

#[tokio::test]
async fn a_stream_that_nobody_reads_stands_in_nobodys_way() {
    for is_server in [false, true] {
        let (listener, host) = listen(Options::default()).await;
        let (url, options) = (format!("http://{host}/channels"), Options::default());
        let far = async { listener.accept().await.unwrap().session().await };
        let (near, far) = tokio::join!(connect(&url, &options), far);
        let (mut near, mut far) = (near.unwrap(), far.unwrap());
        if is_server {
            std::mem::swap(&mut near, &mut far);
        }
        let full = near.open::<Vec<u8>>().unwrap();
        let mut unread = in_time(async {
            full.send(vec![0; 1000]).await.unwrap();
            far.accept::<Vec<u8>>().await.unwrap().unwrap()
        })
        .await;
        let mut sent = 1_u32;
        // What the peer's window and the queues on the way hold is bounded: full is full after any number of signs of life.
        let mut in_vain = 0;
        while in_vain < 20 {
            match full.try_send(vec![1; 1000]) {
                Ok(()) => (sent, in_vain) = (sent + 1, 0),
                Err(_full) => {
                    in_time(near.ping()).await.unwrap();
                    in_vain += 1;
                }
            }
            assert!(sent < 10_000, "nothing bounds it");
        }
        let other = near.open::<u32>().unwrap();
        let sends = tokio::spawn(async move {
            for number in 0..100_000 {
                other.send(number).await.unwrap();
            }
        });
        let mut numbers = in_time(far.accept::<u32>()).await.unwrap().unwrap();
        for number in 0..100_000 {
            assert_eq!(in_time(numbers.recv()).await, Ok(Some(number)));
        }
        sends.await.unwrap();
        // It goes on as soon as somebody reads.
        full.close();
        while in_time(unread.recv()).await.unwrap().is_some() {
            sent -= 1;
        }
        assert_eq!(sent, 0);
    }
}

#[tokio::test]
async fn a_server_that_is_none_is_told() {
    let options = Options::default();
    let (_listener, host) = listen(options.clone()).await;
    let told = connect(&format!("http://{host}/wrong"), &options).await.unwrap_err();
    assert!(matches!(told, ConnectError::Refused { status: 404, .. }), "{told:?}");
    // One that speaks HTTP/2 and knows no extended CONNECT.
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", plain.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = plain.accept().await.unwrap();
        let mut server = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok(_)) = server.accept().await {}
    });
    let mut by_connect = options.clone();
    by_connect.http2_connect = true;
    let told = in_time(connect(&url, &by_connect)).await.unwrap_err();
    assert!(matches!(told, ConnectError::NoExtendedConnect(_)), "{told:?}");
    server.abort();
    // One that speaks something else.
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", plain.local_addr().unwrap());
    let server = async {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    };
    let (told, ()) = tokio::join!(connect(&url, &options), server);
    let Err(ConnectError::Io { cause, .. }) = told else { panic!("{told:?}") };
    assert_ne!(cause.kind(), std::io::ErrorKind::TimedOut, "it is told at once");
}

/// What the client's streams of the server's may be answered.
#[tokio::test]
async fn a_server_that_answers_wrongly_costs_its_streams() {
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", plain.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = plain.accept().await.unwrap();
        let mut server = h2::server::handshake(stream).await.unwrap();
        let mut kept = Vec::new();
        let mut spares = 0_u64;
        while let Some(Ok((request, mut respond))) = server.accept().await {
            let mut send = respond.send_response(http::Response::new(()), false).unwrap();
            if request.headers().contains_key("libchan-accept") {
                spares += 1;
                let mut numbers = [0; 24];
                numbers[7] = u8::try_from(spares).unwrap();
                let wrong = [part(0, &[1]), part(1, &[]), part(2, &[1; 15]), Bytes::new()];
                match wrong.get(usize::try_from(spares).unwrap() - 1) {
                    Some(wrong) => send.send_data(wrong.clone(), wrong.is_empty()).unwrap(),
                    None => {
                        send.send_data(part(2, &numbers), false).unwrap();
                        send.send_data(part(0, &[9]), false).unwrap();
                    }
                }
            }
            kept.push((request, send));
            if spares == 5 {
                break;
            }
        }
        while let Some(Ok(_)) = server.accept().await {}
    });
    let session = in_time(connect(&url, &Options::default())).await.unwrap();
    let mut numbers = in_time(session.accept::<u8>()).await.unwrap().unwrap();
    assert_eq!(in_time(numbers.recv()).await, Ok(Some(9)));
    server.abort();
    assert_eq!(in_time(numbers.recv()).await, Err(Error::Closed));
    assert!(in_time(session.accept::<u8>()).await.unwrap().is_none());
}
