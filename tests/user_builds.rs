//! Builds of a user without rights: steps are his containers, and owners are ids of his own.

#[cfg(test)]
mod tests {
    use testkit::{USER_RANGES, on_user_host};

    const DOCKERFILE: &str = r#"
        mkdir context && cd context && echo hello > file && cat > Dockerfile << 'END'
FROM busybox AS one
RUN id -u > /id && chown 1000:1001 /id
COPY --chown=7:8 file /file
RUN --mount=type=cache,target=/cache --mount=type=secret,id=s cat /run/secrets/s > /cache/copy && wc -c < /cache/copy > /length
FROM busybox
COPY --from=one /id /file /length /
RUN --mount=type=bind,from=one,source=/,target=/other --mount=type=tmpfs,target=/empty cmp /id /other/id && touch /empty/file
USER 1000
RUN --network=none id -u
END
        chown -R 1500:1500 . && cd ..
    "#;

    #[test]
    fn a_users_builds_are_his_own() {
        let script = r#"
            corten template build busybox > /dev/null
            user S=secret ./corten build -q --secret id=s,env=S -t app context > first && echo built
            user S=secret ./corten build -q --secret id=s,env=S -t app context | cmp - first && echo again
            corten run --rm --network none app sh -c 'cat /id /length; stat -c "%u:%g %n" /id /file'
            user S=secret ./corten build -q --secret id=s,env=S -o out context > /dev/null; stat -c '%u %n' out/id out/file
            sed -i 's/^USER.*/RUN false/' context/Dockerfile
            user S=secret ./corten build -q --secret id=s,env=S context 2> /dev/null; echo $?
            corten ps -aq; corten system check | grep -o consistent
        "#;
        let seen = "built\nagain\n0\n6\n1000:1001 /id\n7:8 /file\n1500 out/id\n1500 out/file\n1\nconsistent\n";
        let said = on_user_host(
            env!("CARGO_BIN_EXE_corten"),
            &format!("{USER_RANGES}{DOCKERFILE}{script}"),
        );
        assert_eq!(said, seen);
    }
}
