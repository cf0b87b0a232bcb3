//! Files of a user's containers: what their overlays write down for themselves.

#[cfg(test)]
mod tests {
    use testkit::{USER_RANGES, on_user_host};

    fn on_host(script: &str) -> String {
        on_user_host(env!("CARGO_BIN_EXE_corten"), &format!("{USER_RANGES}{script}"))
    }

    /// The mark that hides what lower layers have at a place is one that nobody but the machine's root may write.
    #[test]
    fn a_directory_of_the_image_gives_way_to_another_one() {
        let script = r"
            corten template build busybox > /dev/null
            corten run --name one --network none busybox sh -c 'mkdir -p /srv/old; echo 1 > /srv/old/file'
            corten commit one first > /dev/null
            corten run --name two --network none first sh -c 'rm -r /srv && mkdir /srv && touch /srv/new; ls /srv'
            corten diff two | grep srv; corten commit two second > /dev/null
            look() { corten run --rm --network none second ls /srv; }
            look; corten save -o second.tar second; corten rmi -f second first > /dev/null; corten rm one two > /dev/null
            corten load -q -i second.tar > /dev/null; look
        ";
        let changed = "C /srv\nA /srv/new\nD /srv/old\n";
        assert_eq!(on_host(script), format!("new\n{changed}new\nnew\n"));
    }
}
