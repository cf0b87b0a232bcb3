//! A full disk under containers that run: they run on, are seen, and can be ended; the loss is told; nothing is left.
//!
//! The disk is a file system in memory, in a mount namespace of its own: it is gone with the shell, whatever happens.

#[cfg(test)]
mod tests {
    use std::process::Command;

    use testkit::Corten;

    /// What a shell says that has `$C`, the program with its directories on a disk of 12 MiB, and `fill`.
    fn on_a_small_disk(corten: &Corten, script: &str) -> String {
        let place = corten.directory().join("small");
        std::fs::create_dir(&place).unwrap();
        let head = r#"mount -t tmpfs -o size=12m tmpfs "$1" || exit 99
            C="timeout 60 $0 --root $1/root --state $1/state"
            fill() { dd if=/dev/zero of="$SMALL/filler" bs=4k 2>/dev/null; }
            until_is() { n=0; until [ "$($C inspect -f "$2" "$1")" = "$3" ]; do n=$((n + 1)); [ $n -lt 600 ] || { echo "$1 never $3"; break; }; sleep 0.05; done; }
            SMALL=$1; TOLD=$(dirname "$1")/told; $C template build busybox >/dev/null
            "#;
        let tail = r#"
            rm -f "$SMALL/filler"; $C rm -f $($C ps -aq) >/dev/null; $C system check
            find "$SMALL/root/containers" "$SMALL/state/containers" "$SMALL/root/tmp" -mindepth 1"#;
        let unshare = ["--mount", "--propagation", "private", "sh", "-c"];
        let script = format!("exec 2>&1\n{head}{script}{tail}");
        let mut command = Command::new("unshare");
        command.args(unshare).arg(script).arg(env!("CARGO_BIN_EXE_corten")).arg(&place);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    /// Whoever fills the disk must be stopped though it is full. What a reboot would have to know may be lost, and that is told.
    #[test]
    fn what_runs_can_be_seen_and_ended() {
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        let said = on_a_small_disk(
            &corten,
            r#"
            states() { $C ps -a --format '{{.Names}} {{.State}}' | sort; }
            for name in stopped killed restarted; do
                $C run -d --name $name --restart always busybox sleep 1000 >/dev/null
            done
            $C run -d --name gone busybox sleep 1000 >/dev/null
            # Whatever a command gives back is taken at once, as a container would.
            touch "$SMALL/hungry"
            while [ -e "$SMALL/hungry" ]; do cat /dev/zero >>"$SMALL/filler" 2>/dev/null; done &
            sleep 0.3
            $C kill gone >/dev/null
            until_is gone '{{.State.Running}}' false
            states
            $C stop -t 0 stopped >"$TOLD" 2>&1 || grep -v -e 'error: remember that somebody stopped container stopped: write the database' -e 'hint: the disk is full' "$TOLD"
            $C kill killed >"$TOLD" 2>&1 || grep -v -e 'error: remember that somebody stopped container killed: write the database' -e 'hint: the disk is full' "$TOLD"
            until_is killed '{{.State.Running}}' false
            $C exec restarted true; echo $?
            $C pause restarted; $C unpause restarted
            states
            rm "$SMALL/hungry"; wait; rm "$SMALL/filler" "$TOLD"
            states"#,
        );
        assert_eq!(
            said.trim_end(),
            "gone exited\nkilled running\nrestarted running\nstopped running\n\
             0\nrestarted\nrestarted\n\
             gone exited\nkilled exited\nrestarted running\nstopped exited\n\
             gone exited\nkilled exited\nrestarted running\nstopped exited\n\
             1 images, 1 layers, 0 containers, 0 volumes: the store is consistent"
        );
    }

    /// The index of the database's log is made anew by whoever finds nobody else there, and here it has no room.
    #[test]
    fn a_store_without_room_for_its_index_can_be_read() {
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        let said = on_a_small_disk(
            &corten,
            r#"
            $C run -d --name plain busybox sleep 1000 >/dev/null
            $C run -d --name again --restart always busybox sleep 1000 >/dev/null
            rm "$SMALL/root/corten.db-shm"; fill
            $C ps -a --format '{{.Names}} {{.State}}'
            $C exec plain echo inside
            $C rename plain other
            $C stop -t 0 again
            $C create busybox true
            $C ps -a --format '{{.Names}} {{.State}}'
            rm "$SMALL/filler"
            $C rename plain other; $C ps -a --format '{{.Names}} {{.State}}'"#,
        );
        let full = "write the database: database or disk is full\nhint: the disk is full\n";
        assert_eq!(
            said.trim_end(),
            format!(
                "again running\nplain running\ninside\nerror: {full}\
                 error: remember that somebody stopped container again: {full}\
                 error: {full}again exited\nplain running\n\
                 again exited\nother running\n\
                 1 images, 1 layers, 0 containers, 0 volumes: the store is consistent"
            )
        );
    }

    /// What a check says cannot be written down, and what it asks for is done.
    #[test]
    fn health_checks_and_restarts_go_on() {
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        let said = on_a_small_disk(
            &corten,
            r#"
            $C run -d --name sick --health-cmd 'yes' --health-interval 50ms --health-timeout 100ms --health-retries 1 \
                --health-on-failure kill busybox sh -c 'sleep 1; exec sleep 1000' >/dev/null
            $C run -d --name hangs --health-cmd 'sleep 1000 & sleep 1000' --health-interval 50ms --health-timeout 100ms \
                --health-retries 1 busybox sleep 1000 >/dev/null
            $C run -d --name again --restart always busybox sh -c 'usleep 50000; exit 3' >/dev/null
            fill
            until_is sick '{{.State.Running}}' false
            rm -f "$SMALL/filler"
            until_is again '{{.State.Status}} {{.State.ExitCode}}' 'running 0'
            until_is hangs '{{.State.Health.Status}}' unhealthy
            $C exec hangs ps | grep -c 'sleep 1000' | sed 's/^[1-9][0-9]\?$/few/'
            $C stop -t 0 again"#,
        );
        assert_eq!(
            said.trim_end(),
            "few\nagain\n1 images, 1 layers, 0 containers, 0 volumes: the store is consistent"
        );
    }
}
