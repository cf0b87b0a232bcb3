FROM busybox
COPY app/file docker/other /
