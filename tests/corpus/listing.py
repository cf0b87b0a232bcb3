#!/usr/bin/env python3
"""listing.py ARCHIVE BASES MEMORY: what an image is, one line for each thing, from an archive as `docker save` writes it.

Its layers are laid over each other; what is just as in the image that it is built on is left out. BASES is a directory of archives of such
images. Layers that were read once are remembered in the directory MEMORY. Times are not told.

    d MODE UID:GID PATH                 directory
    f MODE UID:GID SIZE SHA256 PATH     file
    l UID:GID PATH -> TARGET            symbolic link
    c|b MODE UID:GID MAJOR:MINOR PATH   device
    p MODE UID:GID PATH                 pipe
    x NAME=HEX PATH                     extended attribute
    h PATH = PATH                       two names of one file
    gone PATH                           not there any more
    config FIELD JSON
"""
import hashlib, json, os, pickle, sys, tarfile

FIELDS = ["Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Labels", "ExposedPorts", "Volumes", "StopSignal", "Healthcheck", "Shell", "OnBuild"]


def layer_entries(stream):
    """What a layer says, in its order: (path, kind, description, link)."""
    entries = []
    with tarfile.open(fileobj=stream, mode="r:*", encoding="utf-8", errors="surrogateescape") as layer:
        for member in layer:
            path = os.path.normpath("/" + member.name).lstrip("/")
            owner = f"{member.uid}:{member.gid}"
            mode = f"{member.mode & 0o7777:04o} {owner}"
            xattrs = {
                name.removeprefix("SCHILY.xattr."): value.encode("utf-8", "surrogateescape").hex()
                for name, value in member.pax_headers.items() if name.startswith("SCHILY.xattr.")
            }
            link = None
            if member.isdir():
                said = f"d {mode}"
            elif member.islnk():
                said, link = "h", os.path.normpath("/" + member.linkname).lstrip("/")
            elif member.issym():
                said, link = f"l {owner}", member.linkname
            elif member.ischr() or member.isblk():
                said = f"{'c' if member.ischr() else 'b'} {mode} {member.devmajor}:{member.devminor}"
            elif member.isfifo():
                said = f"p {mode}"
            else:
                contents = layer.extractfile(member)
                digest, size = hashlib.sha256(), 0
                while piece := contents.read(1 << 20):
                    digest.update(piece)
                    size += len(piece)
                said = f"f {mode} {size} {digest.hexdigest()[:16]}"
            entries.append((path, said, link, tuple(sorted(xattrs.items()))))
    return entries


def remembered(memory, diff_id, read):
    place = os.path.join(memory, diff_id.removeprefix("sha256:"))
    try:
        with open(place, "rb") as file:
            return pickle.load(file)
    except FileNotFoundError:
        entries = read()
        with open(f"{place}.{os.getpid()}", "wb") as file:
            pickle.dump(entries, file)
        os.rename(f"{place}.{os.getpid()}", place)
        return entries


def remove(tree, path, itself=True):
    if itself and (path not in tree or not tree[path][0].startswith("d")):
        tree.pop(path, None)
        return
    for name in [name for name in tree if name.startswith(path + "/") or (itself and name == path)]:
        del tree[name]


def lay(tree, entries):
    """Whiteouts are of what is below this layer, wherever they stand in it."""
    for path, *_ in entries:
        directory, name = os.path.split(path)
        if name == ".wh..wh..opq":
            remove(tree, directory, itself=False)
        elif name.startswith(".wh.") and not name.startswith(".wh..wh."):
            remove(tree, os.path.join(directory, name.removeprefix(".wh.")))
    for path, said, link, xattrs in entries:
        if os.path.basename(path).startswith(".wh.") or path == "":
            continue
        if said == "h":
            tree[path] = tree[link]
            continue
        if not (said.startswith("d") and path in tree and tree[path][0].startswith("d")):
            remove(tree, path)
        # A list is a file, and two names of one file have one list.
        tree[path] = [said, link, xattrs]


class Archive:
    def __init__(self, path, memory):
        self.tar = tarfile.open(path)
        manifest = json.load(self.tar.extractfile("manifest.json"))[0]
        self.config = json.load(self.tar.extractfile(manifest["Config"]))
        self.layers = manifest["Layers"]
        self.diff_ids = self.config["rootfs"].get("diff_ids") or []
        self.memory = memory

    def tree(self, how_many):
        tree = {}
        for name, diff_id in list(zip(self.layers, self.diff_ids))[:how_many]:
            lay(tree, remembered(self.memory, diff_id, lambda: layer_entries(self.tar.extractfile(name))))
        return tree


def shown(text):
    plain = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02x}" for byte in plain)


def lines(tree):
    """Path to its lines."""
    first, found = {}, {}
    for path in sorted(tree):
        said, link, xattrs = file = tree[path]
        earlier = first.setdefault(id(file), path)
        if earlier != path:
            found[path] = [f"h {shown(path)} = {shown(earlier)}"]
            continue
        end = f" -> {shown(link)}" if said.startswith("l") else ""
        found[path] = [f"{said} {shown(path)}{end}"] + [f"x {name}={value} {shown(path)}" for name, value in xattrs]
    return found


def worth(value):
    """Without what says nothing: fields of documents that are zero or empty."""
    if isinstance(value, dict):
        return {key: worth(inner) for key, inner in value.items() if key == "Labels" or inner not in (0, None, "")}
    return value


def main(path, bases, memory):
    archive = Archive(path, memory)
    below = {}
    for name in sorted(os.listdir(bases)):
        base = Archive(os.path.join(bases, name), memory).diff_ids
        if base and archive.diff_ids[:len(base)] == base:
            below = lines(archive.tree(len(base)))
    found = lines(archive.tree(len(archive.layers)))
    for name in sorted(set(below) | set(found)):
        if name not in found:
            if os.path.dirname(name) in found or "/" not in name:
                print("gone", shown(name))
        elif found[name] != below.get(name):
            print("\n".join(found[name]))
    config = archive.config.get("config") or {}
    for field in FIELDS:
        value = worth(config.get(field))
        if value not in (None, "", [], {}):
            print("config", field, json.dumps(value, sort_keys=True))
    for field in ("author", "os", "architecture"):
        if archive.config.get(field) and (field == "author" or archive.config[field] not in ("linux", "amd64", "arm64")):
            print("config", field, json.dumps(archive.config[field]))


main(*sys.argv[1:])
