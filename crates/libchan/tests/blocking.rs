//! Threads without a runtime: channels in memory, sessions, and what messages carry.

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::thread;

    use libchan::blocking::{Blocking, Listener, Session, connect};
    use libchan::{ByteStream, Error, Options, Sender, buffered, pipe};
    use serde::{Deserialize, Serialize};

    #[test]
    fn threads_meet_in_memory() {
        let (sender, mut receiver) = pipe::<u32>();
        let sends = thread::spawn(move || {
            for value in 0..1000 {
                sender.blocking_send(value).unwrap();
            }
        });
        for value in 0..1000 {
            assert_eq!(receiver.blocking_recv(), Ok(Some(value)));
        }
        assert_eq!(receiver.blocking_recv(), Ok(None));
        sends.join().unwrap();
        let (sender, receiver) = buffered(1);
        drop(receiver);
        assert_eq!(sender.blocking_send(1).unwrap_err().error, Error::Closed);
    }

    #[test]
    fn a_thread_closes_what_it_receives_from() {
        let listener = Listener::bind("tcp://127.0.0.1:0", Options::default()).unwrap();
        let address = listener.address().to_string();
        let server = thread::spawn(move || {
            let session = listener.accept().unwrap();
            let mut numbers = session.accept::<u64>().unwrap().unwrap();
            assert_eq!(numbers.blocking_recv(), Ok(Some(0)));
            numbers.close();
            let mut next = 1;
            while let Some(number) = numbers.blocking_recv().unwrap() {
                assert_eq!(number, next);
                next += 1;
            }
            // While the channel is there, and its session.
            session.accept::<u64>().unwrap()
        });
        let session = connect(&address, &Options::default()).unwrap();
        let numbers = session.open().unwrap();
        let refused = (0..).find_map(|number: u64| numbers.blocking_send(number).err()).unwrap();
        assert!(matches!(refused.error, Error::Reset(_)), "{refused:?}");
        session.close();
        assert!(server.join().unwrap().is_none());
    }

    #[derive(Serialize, Deserialize)]
    struct Job {
        name: String,
        stream: ByteStream,
        done: Sender<usize>,
    }

    fn serve(session: &Session) {
        let mut jobs = session.accept::<Job>().unwrap().unwrap();
        while let Some(job) = jobs.blocking_recv().unwrap() {
            let mut stream = Blocking::new(job.stream);
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            write!(stream, "{} {text}", job.name).unwrap();
            stream.finish().unwrap();
            job.done.blocking_send(text.len()).unwrap();
        }
    }

    #[test]
    fn threads_meet_over_a_session() {
        let listener = Listener::bind("tcp://127.0.0.1:0", Options::default()).unwrap();
        let address = listener.address().to_string();
        let server = thread::spawn(move || serve(&listener.accept().unwrap()));
        let session = connect(&address, &Options::default()).unwrap();
        let jobs = session.open().unwrap();
        for name in ["first", "second"] {
            let (own, stream) = ByteStream::pair();
            let (done, mut is_done) = pipe();
            jobs.blocking_send(Job { name: name.to_owned(), stream, done }).unwrap();
            let mut own = Blocking::new(own);
            own.write_all(b"and last").unwrap();
            own.finish().unwrap();
            assert_eq!(is_done.blocking_recv(), Ok(Some(8)));
            let mut text = String::new();
            own.read_to_string(&mut text).unwrap();
            assert_eq!(text, format!("{name} and last"));
        }
        drop(jobs);
        server.join().unwrap();
        session.close();
        assert!(session.accept::<u8>().unwrap().is_none());
    }
}
