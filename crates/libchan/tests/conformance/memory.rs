//! What holds in one process alone: values are not encoded, and names are free again.

use libchan::{ConnectError, Error, Limits, Listener, Options, Sender, Session, Value};
use serde::{Deserialize, Serialize, Serializer};

/// No message can be made of it.
#[derive(Debug, PartialEq, Deserialize)]
struct Stubborn(u32);

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("stubborn"))
    }
}

#[tokio::test]
async fn values_of_one_type_are_not_encoded() {
    let (near, far) = Session::pair(&Limits::default());
    near.open().unwrap().send(Stubborn(7)).await.unwrap();
    let mut receiver = far.accept::<Stubborn>().await.unwrap().unwrap();
    assert_eq!(receiver.recv().await, Ok(Some(Stubborn(7))));
    assert_eq!(receiver.recv().await, Ok(None));
    // The other way round, and as another type.
    far.open().unwrap().send(Stubborn(8)).await.unwrap();
    let mut receiver = near.accept::<u32>().await.unwrap().unwrap();
    assert!(receiver.recv().await.is_err(), "it can be no message");
}

#[derive(Serialize)]
struct Asked {
    text: &'static str,
    answer: Sender<u32>,
}

#[derive(Deserialize)]
struct Understood {
    text: String,
    answer: Sender<u32>,
}

#[tokio::test]
async fn values_of_another_type_are_translated() {
    let (near, far) = Session::pair(&Limits::default());
    let (answer, mut answered) = libchan::pipe();
    near.open().unwrap().send(Asked { text: "seven", answer }).await.unwrap();
    near.open().unwrap().send(Some(5_u8)).await.unwrap();
    near.close();
    {
        // Who accepts may give up at any moment.
        let mut accepting = std::pin::pin!(far.accept::<Understood>());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(accepting.as_mut().poll(&mut context).is_pending());
    }
    let asked = far.accept::<Understood>().await.unwrap().unwrap().recv().await.unwrap().unwrap();
    asked.answer.send(u32::try_from(asked.text.len()).unwrap()).await.unwrap();
    assert_eq!(answered.recv().await, Ok(Some(5)));
    let mut last = far.accept::<Value>().await.unwrap().unwrap();
    assert!(matches!(last.recv().await, Ok(Some(Value::Unsigned(5)))));
    assert!(far.accept::<Value>().await.unwrap().is_none());
}

#[tokio::test]
async fn channels_that_nobody_accepts_are_counted() {
    let mut limits = Limits::default();
    limits.streams = 2;
    let (near, far) = Session::pair(&limits);
    let _both = (near.open::<u8>().unwrap(), near.open::<u8>().unwrap());
    assert_eq!(near.open::<u8>().unwrap_err(), Error::Limit("streams"));
    drop(far);
    assert_eq!(near.open::<u8>().unwrap_err(), Error::Closed);
}

#[tokio::test]
async fn a_name_is_one_listeners() {
    let url = "memory://a-name";
    let kind = |told: ConnectError| {
        let ConnectError::Io { cause, .. } = told else { panic!("{told:?}") };
        cause.kind()
    };
    let options = Options::default();
    let nobody = libchan::connect(url, &options).await.unwrap_err();
    assert_eq!(nobody.to_string(), "connect to memory://a-name");
    assert_eq!(kind(nobody), std::io::ErrorKind::ConnectionRefused);
    let listener = Listener::bind(url, options.clone()).await.unwrap();
    let second = Listener::bind(url, options.clone()).await.unwrap_err();
    assert_eq!(kind(second), std::io::ErrorKind::AddrInUse);
    libchan::connect(url, &options).await.unwrap();
    drop(listener);
    let gone = libchan::connect(url, &options).await.unwrap_err();
    assert_eq!(kind(gone), std::io::ErrorKind::ConnectionRefused);
    Listener::bind(url, options).await.unwrap();
}
