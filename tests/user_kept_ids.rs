//! User namespaces of containers of a user who is not root: whom he is inside, and whose their files are.

#[cfg(test)]
mod tests {
    use testkit::{USER_RANGES, on_user_host};

    const MAP: &str = "map=\"cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '\"\n";

    /// On a host where the image is there; `run` leaves nothing.
    const START: &str = "corten template build busybox > /dev/null\n\
        run() { corten run --rm --network none \"$@\"; }\n";

    fn on_host(script: &str) -> String {
        on_user_host(env!("CARGO_BIN_EXE_corten"), &format!("{USER_RANGES}{START}{MAP}{script}"))
    }

    #[test]
    fn he_is_himself_inside() {
        let script = r#"
            mkdir mine && touch mine/file && chown -R 1500:1500 mine
            look='id -u; id -g; whoami; stat -c %u:%g / /bin/busybox /etc/hosts /mine /mine/file; touch /mine/new /tmp/new'
            run --userns keep-id -v $PWD/mine:/mine busybox sh -c "$look; $map"; stat -c %u:%g mine/new
            run --userns keep-id:uid=200,gid=210 -v $PWD/mine:/mine busybox sh -c "id -u; id -g; stat -c %u:%g /mine; $map"
            run --userns keep-id --user 0 busybox id -u
            run --userns keep-id:size=2000 busybox cat /proc/self/uid_map | tail -n 1 | tr -s ' '
        "#;
        let own = "1500\n1500\nann\n0:0\n0:0\n0:0\n1500:1500\n1500:1500\n";
        let map = " 0 1 1500\n 1500 0 1\n 1501 1501 64036\n";
        let uids = " 0 1 200\n 200 0 1\n 201 201 65336\n";
        let gids = " 0 1 210\n 210 0 1\n 211 211 65326\n";
        let other = format!("200\n210\n200:210\n{uids}{gids}");
        let last = " 1501 1501 499\n";
        assert_eq!(on_host(script), format!("{own}{map}{map}1500:1500\n{other}0\n{last}"));
    }

    #[test]
    fn he_is_nobody_inside() {
        let script = r#"
            mkdir mine && chown 1500:1500 mine
            look='id -u; stat -c %u:%g / /bin/busybox /mine'
            run --userns nomap -v $PWD/mine:/mine busybox sh -c "$look; $map"
            run --userns auto -v $PWD/mine:/mine busybox sh -c "$look; $map"
            run --userns private busybox sh -c "$map"
            run --uidmap 0:5:100 busybox sh -c "stat -c %u:%g /bin/busybox; $map"
            corten run -d --name one --network none --userns auto busybox sleep 1000 > /dev/null
            run --userns auto:size=5000 busybox sh -c "$map"
            run --userns auto --user 5000 busybox sh -c "id -u; $map"
            run --userns auto:size=70000 busybox true; run --uidmap 0:65530:100 busybox true
            corten rm -f one > /dev/null; corten ps -aq
            corten system settings --userns auto; run busybox sh -c "$map"; run --userns host busybox sh -c "$map" | wc -l
        "#;
        let map = |line: &str| format!("{line}{line}");
        let nobody = "0\n0:0\n0:0\n65534:65534\n";
        let first = map(" 0 1 1024\n");
        let seen = [
            format!("{nobody}{}", map(" 0 1 65536\n")),
            format!("{nobody}{first}{first}"),
            format!("0:0\n{}", map(" 0 5 100\n")),
            map(" 0 1025 5000\n"),
            format!("5000\n{}", map(" 0 1025 5001\n")),
            format!("{first}4\n"),
        ];
        let refused = "error: no 70000 ids are left for a user namespace: of 65536 in /etc/subuid and /etc/subgid 1 containers have theirs\n\
            hint: remove containers, or ask for fewer: --userns auto:size=N\n\
            error: invalid id map \"0:65530:100\": a user's ids are 0, himself, and those that /etc/subuid and /etc/subgid give him: 1 to 65536\n";
        assert_eq!(on_host(script), seen.concat() + refused);
    }

    #[test]
    fn what_others_do_with_a_container_works() {
        let script = r#"
            corten run -d --name web --userns keep-id --health-cmd 'test $(id -u) = 1500' -v data:/etc -p 8080:80 busybox \
                nc -ll -p 8080 -e echo inside > /dev/null
            corten exec -u 33:34 web sh -c 'id -u > /tmp/id'; corten exec web stat -c '%u:%g %n' /tmp/id /etc/passwd
            corten exec -u 0 web sh -c 'rm -r /home; mkdir -p /home /srv/a; echo 1 > /srv/a/f; chown 5 /srv/a/f'
            corten healthcheck run web; echo $?
            corten diff web | grep -v tmp
            mkdir tree; touch tree/file; chown -R 1500:1500 tree
            corten cp -q tree web:/plain; corten exec web stat -c %u:%g /plain/file
            corten cp -q web:/tmp/id out; stat -c %u:%g out
            corten stop -t 0 web > /dev/null; corten cp -q tree web:/later; corten cp -q web:/srv/a/f out; stat -c %u out; cat out
            corten commit web made > /dev/null; run made stat -c '%u:%g %n' /tmp/id /srv/a/f /bin/busybox
            run --userns nomap made stat -c '%u:%g %n' /tmp/id /srv/a/f /bin/busybox
            corten export web | tar -tv --numeric-owner | grep -E ' (tmp/id|srv/a/f|bin/busybox)$' | cut -d ' ' -f 2
            corten start web > /dev/null; corten exec web stat -c '%u:%g' /later/file /tmp/id; corten exec web ls /home
            corten inspect -f '{{.HostConfig.UsernsMode}} {{.HostConfig.IDMappings.UidMap}} {{.Config.User}}' web
            run --userns container:web busybox id -u
            run --userns keep-id -v data:/data busybox stat -c %u:%g /data/passwd
        "#;
        let said = on_host(script);
        let expected = "33:34 /tmp/id\n0:0 /etc/passwd\n0\nC /etc\nC /etc/group\nC /etc/passwd\nC /home\nA /srv\nA /srv/a\nA /srv/a/f\n0:0\n1500:1500\n1500\n1\n\
            33:34 /tmp/id\n5:0 /srv/a/f\n0:0 /bin/busybox\n33:34 /tmp/id\n5:0 /srv/a/f\n0:0 /bin/busybox\n\
            0/0\n5/0\n33/34\n0:0\n33:34\nkeep-id [0:1:1500 1500:0:1 1501:1501:64036] 1500:1500\n0\n0:0\n";
        assert_eq!(said, expected);
    }

    /// Killed while it copies: before the copy is whole, between its place and its row, behind it.
    #[test]
    fn whenever_a_command_is_killed_the_next_one_has_its_layers() {
        let script = r#"
            shifted=.local/share/corten/shifted
            # Setuid programs have no rights when they are traced: his namespaces are there before.
            corten run -d --name stay --network none busybox sleep 1000 > /dev/null
            for at in fchown:20 renameat2:1 rename:1 rename:2 pwrite64:1 pwrite64:4 pwrite64:8 pwrite64:12; do
                { user strace -f -qq -o /dev/null -e inject=${at%%:*}:signal=KILL:when=${at##*:} \
                    ./corten run --rm --network none --userns keep-id busybox true; } > /dev/null 2>&1
                run --userns keep-id busybox stat -c %u:%g /bin/busybox
                # Whoever lists containers removes those whose command was killed before they began.
                corten ps -a > /dev/null
                corten system check | grep -o consistent; corten image prune -f > /dev/null; ls $shifted | wc -l
            done
        "#;
        assert_eq!(on_host(script), "0:0\nconsistent\n0\n".repeat(8));
    }

    #[test]
    fn without_ids_of_his_own_he_is_told() {
        let script = "corten template build busybox > /dev/null\n\
            corten run --rm --network none --userns keep-id busybox true 2>&1 | tail -n 2\n";
        let said = on_user_host(env!("CARGO_BIN_EXE_corten"), script);
        let told = "error: a user namespace takes ids, and /etc/subuid or /etc/subgid gives this user none\n\
            hint: corten system doctor tells the line that gives some\n";
        assert!(said.contains(told), "{said}");
    }
}
