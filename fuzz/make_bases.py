#!/usr/bin/env python3
"""Makes what is kept in bases/ (sound files that fuzzing edits) and seeds/ (first inputs of small parsers).

    make_bases.py        as root, with e2fsprogs, dosfstools, mtools, gdisk, fdisk, lvm2, xfsprogs, btrfs-progs,
                         cpio, zstd, lz4, qemu-utils, loop devices

Everything in them was written for this project here. They are kept; running this again is only needed to add something.
"""

import gzip
import lzma
import os
import pathlib
import shutil
import sqlite3
import struct
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BASES, SEEDS = HERE / "bases", HERE / "seeds"
PAGE = 4096
KERNEL = "6.1.0-1-amd64"


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, **options).stdout


def sparse(path, bytes_):
    with open(path, "wb") as file:
        file.truncate(bytes_)


def keep(path):
    run("zstd", "-q", "-f", "-19", "--rm", path)


def seed(target, name, data):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def small_tree(top):
    (top / "etc").mkdir(parents=True)
    (top / "etc/hostname").write_bytes(b"imprint\n")
    (top / "many").mkdir()
    for number in range(120):
        (top / f"many/a-name-that-is-rather-long-{number:04}").write_bytes(b"%d\n" % number)
    (top / "long").write_bytes(b"".join(b"line %d\n" % number for number in range(9000)))
    with open(top / "holes", "wb") as file:
        for number in range(12):
            file.seek(number * 16384)
            file.write(b"piece %d" % number)
        file.truncate(300_000)
    os.symlink("etc/hostname", top / "short")
    os.symlink("/" + "x/" * 90, top / "long-link")


def ext(name, kibibytes, tree, *options):
    image = BASES / name
    sparse(image, kibibytes << 10)
    run("mke2fs", "-q", "-F", "-d", tree, "-L", name.split(".")[0], *options, image)
    return image


def fat(name, kibibytes, tree, *options):
    image = BASES / name
    sparse(image, kibibytes << 10)
    run("mkfs.fat", "-n", "IMPRINT", *options, image)
    for path in sorted(tree.iterdir()):
        if not path.is_symlink():
            run("mcopy", "-s", "-i", image, path, "::/")
    return image


def place(disk, offset, image):
    run("dd", f"if={image}", f"of={disk}", "bs=512", f"seek={offset}", "conv=notrunc,sparse", "status=none")


def partitioned(tree):
    ext("part.img", 1024, tree / "etc", "-t", "ext2", "-b", "1024")
    sparse(BASES / "gpt.img", 4 << 20)
    run("sgdisk", "-n1:2048:+64K", "-t1:ef02", "-n2:0:+1M", "-c2:root", "-t2:8304", "-n3:0:0", BASES / "gpt.img")
    place(BASES / "gpt.img", 4096, BASES / "part.img")
    sparse(BASES / "mbr.img", 8 << 20)
    table = "2048,2048,83,*\n4096,2048,c\n6144,,5\n6176,2048,83\n8256,2048,83\n"
    run("sfdisk", "-q", BASES / "mbr.img", input=table.encode())
    for start in (2048, 6176, 8256):
        place(BASES / "mbr.img", start, BASES / "part.img")
    (BASES / "part.img").unlink()
    keep(BASES / "gpt.img")
    keep(BASES / "mbr.img")


def lvm(tree):
    image = BASES / "lvm.img"
    sparse(image, 8 << 20)
    loop = run("losetup", "-f", "--show", image).decode().strip()
    config = f'devices {{ filter=["a|{loop}|","r|.*|"] use_devicesfile=0 }} activation {{ udev_sync=0 udev_rules=0 }}'
    try:
        run("pvcreate", "--driverloaded", "n", "-q", "--config", config, "--dataalignment", "64k", "--metadatasize", "128k", loop)
        run("vgcreate", "--driverloaded", "n", "-q", "--config", config, "-s", "64k", "fuzzed", loop)
        for name, extents in (("first", 16), ("root", 20)):
            run("lvcreate", "--driverloaded", "n", "-q", "-an", "-Zn", "-Wn", "--config", config, "-l", extents, "-n", name, "fuzzed")
        run("lvextend", "--driverloaded", "n", "-q", "--config", config, "-l", "+8", "fuzzed/first")
        start = run("pvs", "--driverloaded", "n", "--config", config, "--noheadings", "--units", "s", "--nosuffix", "-o", "pe_start", loop)
    finally:
        run("losetup", "-d", loop)
    ext("part.img", 1024, tree / "etc", "-t", "ext2", "-b", "1024")
    place(image, int(start) + 16 * 128, BASES / "part.img")
    (BASES / "part.img").unlink()
    keep(image)


def archive(names):
    with tempfile.TemporaryDirectory() as folder:
        top = pathlib.Path(folder)
        for name in names:
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_bytes(b"\x7fELF" + name.encode())
        listing = run("find", ".", "-mindepth", "1", cwd=top)
        return run("cpio", "-o", "-H", "newc", "--quiet", input=listing, cwd=top)


def initramfs_seeds():
    drivers = f"usr/lib/modules/{KERNEL}/kernel/drivers"
    main = archive([f"{drivers}/block/virtio_blk.ko", f"{drivers}/nvme/host/nvme.ko.xz", f"{drivers}/net/virtio_net.ko"])
    early = archive(["kernel/x86/microcode/GenuineIntel.bin"])
    early += bytes(-len(early) % 512)
    packed = {
        "plain": main,
        "gzip": gzip.compress(main, mtime=0),
        "xz": lzma.compress(main, check=lzma.CHECK_CRC32),
        "lzma": lzma.compress(main, format=lzma.FORMAT_ALONE),
        "zstd": run("zstd", "-q", "-c", input=main),
        "lz4": run("lz4", "-l", "-c", "-q", input=main),
    }
    for name, data in packed.items():
        seed("initramfs", name, data)
    seed("initramfs", "early-zstd", early + packed["zstd"])
    return early + packed["gzip"]


def slot(name, text, pages=1):
    """A file of whole pages whose place the fuzzer finds by its first line; the last line is a long comment."""
    data = b"#slot:%s:%d\n" % (name.encode(), pages) + text
    return data + b"#" * (pages * PAGE - len(data) - 1) + b"\n"


def guest_files():
    words = f"root=LABEL=root ro console=ttyS0"
    return {
        "etc/os-release": b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Fuzzed 12"\nNAME="Fuzzed"\n',
        "etc/fstab": b"LABEL=root / ext4 defaults 0 1\n/dev/sda1 /data ext4 defaults,nofail 0 2\nUUID=x none swap sw 0 0\n",
        "etc/shadow": b"root:!:19000:0:99999:7:::\nfuzz:$6$x$y:19000:0:99999:7:::\n",
        "etc/passwd": b"root:x:0:0:root:/root:/bin/bash\nfuzz:x:1000:1000::/home/fuzz:/bin/sh\n",
        "etc/ssh/sshd_config": b"Include /etc/ssh/sshd_config.d/*.conf\nPort 22\nPermitRootLogin no\nMatch User a\n  PasswordAuthentication yes\n",
        "etc/network/interfaces": b"auto eth0\niface eth0 inet dhcp\nsource /etc/network/interfaces.d/*\n",
        "etc/netplan/50-cloud-init.yaml": b"network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n",
        "etc/NetworkManager/system-connections/a.nmconnection": b"[connection]\nid=a\ntype=ethernet\n[ipv4]\nmethod=auto\n",
        "etc/systemd/network/10-a.network": b"[Match]\nName=en*\n[Network]\nDHCP=yes\n",
        "etc/sysconfig/network-scripts/ifcfg-eth0": b"DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\n",
        "etc/cloud/cloud.cfg": b"datasource_list: [ConfigDrive, OpenStack, Ec2]\ncloud_init_modules:\n - growpart\n",
        "etc/selinux/config": b"SELINUX=enforcing\nSELINUXTYPE=targeted\n",
        "etc/default/grub": b'GRUB_CMDLINE_LINUX="console=ttyS0"\n',
        "etc/adjtime": b"0.0 0 0.0\n0\nUTC\n",
        "boot/grub/grub.cfg": (
            "set default=0\nif [ x = x ]; then\n  set timeout=1\nfi\nsearch --no-floppy --label root\n"
            f"menuentry 'a' --class b {{\n linux /boot/vmlinuz-{KERNEL} {words}\n initrd /boot/initrd.img-{KERNEL}\n}}\n"
            "submenu 'more' {\n menuentry 'c' {\n  linux /x\n }\n}\n").encode(),
        "boot/loader/entries/a.conf": f"title a\nversion {KERNEL}\nlinux /vmlinuz-{KERNEL}\ninitrd /initrd.img\noptions {words}\n".encode(),
        "boot/grub/grubenv": b"# GRUB Environment Block\nsaved_entry=a\n",
        "boot/extlinux.conf": f"DEFAULT a\nLABEL a\n LINUX vmlinuz-{KERNEL}\n INITRD initrd\n APPEND {words}\n".encode(),
        f"boot/config-{KERNEL}": b"CONFIG_BLK_DEV_NVME=m\nCONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO=y\n",
        f"lib/modules/{KERNEL}/modules.builtin": b"kernel/drivers/virtio/virtio.ko\nkernel/drivers/virtio/virtio_ring.ko\n",
        f"lib/modules/{KERNEL}/modules.dep": b"kernel/drivers/nvme/host/nvme.ko: kernel/drivers/nvme/host/nvme-core.ko\n",
        "var/lib/dpkg/status": DPKG,
    }


DPKG = b"".join(
    b"Package: %s\nStatus: install ok installed\nPriority: optional\nArchitecture: amd64\nSource: src (1)\n"
    b"Version: 1:%d.0-1\nDescription: text\n more text\n .\n end\n\n" % (name, number)
    for number, name in enumerate((b"cloud-init", b"openssh-server", b"qemu-guest-agent", b"libc6"))
)
APK = b"C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\nS:1\nI:2\nT:text\nL:MIT\no:musl\nF:lib\nR:ld-musl.so\n\nP:tiny-cloud\nV:3-r0\nA:noarch\nL:MIT\n\n"


def guest(tree):
    top = tree / "guest"
    files = guest_files()
    for path, text in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(slot(path.replace("/", "_"), text))
    initrd = initramfs_seeds()
    (top / f"boot/initrd.img-{KERNEL}").write_bytes(slot("initrd", b"", 16))
    kernel = bytearray(8192)
    kernel[510:512] = b"\x55\xaa"
    kernel[0x1F1] = 4
    kernel[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", kernel, 0x20E, 0x400)
    kernel[0x600:0x620] = f"{KERNEL} (a@b) #1".encode().ljust(0x20, b"\0")
    (top / f"boot/vmlinuz-{KERNEL}").write_bytes(kernel)
    for folder in ("bin", "run", "root/.ssh", "var/lib/cloud/instance", "etc/cloud/cloud.cfg.d", "usr/bin"):
        (top / folder).mkdir(parents=True, exist_ok=True)
    (top / "bin/bash").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, 62) + bytes(100))
    (top / "etc/hostname").write_bytes(b"fuzzed\n")
    (top / "etc/machine-id").write_bytes(b"0123456789abcdef0123456789abcdef\n")
    (top / "root/.ssh/authorized_keys").write_bytes(b"ssh-ed25519 AAAA a@b\n")
    (top / "etc/ssh/ssh_host_rsa_key").write_bytes(b"-----BEGIN OPENSSH PRIVATE KEY-----\n")
    part = ext("part.img", 10240, top, "-t", "ext4", "-b", "4096", "-O", "^metadata_csum,^has_journal", "-L", "root")
    esp = fat("esp.img", 256, tree / "etc", "-F", "12")
    disk = BASES / "guest.img"
    sparse(disk, 16 << 20)
    run("sgdisk", "-n1:2048:+64K", "-t1:ef02", "-n2:4096:+256K", "-t2:ef00", "-n3:8192:+10M", "-t3:8304", disk)
    place(disk, 4096, esp)
    place(disk, 8192, part)
    part.unlink()
    esp.unlink()
    keep(disk)
    for number, (path, text) in enumerate(sorted((path.replace("/", "_"), text) for path, text in files.items())):
        seed("settings", path, bytes([number]) + text)


def rpm_header(name, number):
    """A header as rpm keeps it: an index of tags over a store."""
    store, index = b"", b""

    def add(tag, kind, count, data, align=1):
        nonlocal store, index
        store += bytes(-len(store) % align)
        index += struct.pack(">IIII", tag, kind, len(store), count)
        store += data

    for tag, text in ((1000, name), (1001, b"%d.0" % number), (1002, b"1.el9"), (1022, b"x86_64"), (1014, b"MIT"),
                      (1044, name + b".src.rpm")):
        add(tag, 6, 1, text + b"\0")
    add(1003, 4, 1, struct.pack(">I", number), 4)
    return struct.pack(">II", len(index) // 16, len(store)) + index + store


def rpm_seeds():
    headers = [rpm_header(name, number) for number, name in enumerate((b"kernel-core", b"cloud-init", b"openssh-server"))]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "rpmdb.sqlite"
        base = sqlite3.connect(path)
        base.execute("pragma page_size = 1024")
        base.execute("create table Packages (hnum integer primary key autoincrement, blob blob not null)")
        base.executemany("insert into Packages (blob) values (?)", [(header,) for header in headers])
        base.execute("insert into Packages (blob) values (?)", (headers[0] + bytes(6000),))
        base.commit()
        base.close()
        seed("rpm", "sqlite", b"\0" + path.read_bytes())
    # ndb: a page of slots, then blobs in units of sixteen bytes, each with a head and a tail.
    blobs, slots, block = b"", b"", PAGE // 16
    for number, header in enumerate(headers, 1):
        size = len(header)
        units = (16 + size + 12 + 15) // 16
        slots += struct.pack("<4sIII", b"Slot", number, block, units)
        body = struct.pack("<4sIII", b"BlbS", number, 1, size) + header
        body += bytes(units * 16 - 12 - len(body)) + struct.pack("<I", 0) + struct.pack("<I4s", size, b"BlbE")
        blobs += body
        block += units
    head = struct.pack("<4sIIIIIII", b"RpmP", 0, 1, 1, 4, 0, 0, 0)
    seed("rpm", "ndb", b"\1" + (head + slots).ljust(PAGE, b"\0") + blobs)
    # Berkeley DB hash: a page of facts, a page of pairs, overflow pages.
    size, pages = 512, []
    facts = bytearray(size)
    struct.pack_into("<IIIIII", facts, 0, 0, 1, 0, 0x061561, 9, size)
    facts[25] = 8
    pages.append(facts)
    pairs = bytearray(size)
    struct.pack_into("<IIIIHHBB", pairs, 0, 0, 1, 0, 0, 2 * len(headers), 0, 0, 13)
    pages.append(pairs)
    at = size
    for number, header in enumerate(headers):
        at -= 5
        pairs[at:at + 5] = b"\x01" + struct.pack("<I", number + 1)
        struct.pack_into("<H", pairs, 26 + 4 * number, at)
        at -= 12
        pairs[at:at + 12] = struct.pack("<BBBBII", 3, 0, 0, 0, len(pages), len(header))
        struct.pack_into("<H", pairs, 28 + 4 * number, at)
        page = bytearray(size)
        struct.pack_into("<IIIIHHBB", page, 0, 0, 1, len(pages), 0, 1, len(header), 0, 7)
        struct.pack_into("<I", page, 16, 0)
        page[26:26 + len(header)] = header
        pages.append(page)
    struct.pack_into("<I", facts, 32, len(pages) - 1)
    seed("rpm", "bdb", b"\2" + b"".join(bytes(page) for page in pages))


def small_files(top):
    """Every form of directory and file, so small that reading all of it costs little."""
    for name, count in (("few", 3), ("block", 12), ("leaf", 60), ("node", 200)):
        (top / name).mkdir()
        (top / name / "a-file-of-some-length-00000").write_bytes(b"small\n")
        for number in range(1, count):
            os.link(top / name / "a-file-of-some-length-00000", top / name / f"a-file-of-some-length-{number:05}")
    (top / "plain").write_bytes(b"".join(b"line %d\n" % number for number in range(1200)))
    with open(top / "pieces", "wb") as file:
        for number in range(60):
            file.seek(number * 8192)
            file.write(b"piece %d" % number)
    os.symlink("plain", top / "short")
    os.symlink("/" + "x/" * 450, top / "long-link")


def compressed_files(top):
    for method in ("zlib", "lzo", "zstd"):
        (top / method).mkdir()
        run("btrfs", "property", "set", top / method, "compression", method)
        (top / method / "long").write_bytes(b"".join(b"line %d\n" % number for number in range(2500)))
        (top / method / "inline").write_bytes(b"short line\n" * 90)
    run("btrfs", "subvolume", "create", top / "@")
    (top / "@/file").write_bytes(b"inside\n")
    run("btrfs", "subvolume", "snapshot", "-r", top / "@", top / "@/snapshot")


def mounted(name, mebibytes, mkfs, *fillers):
    image = BASES / name
    sparse(image, mebibytes << 20)
    run(*mkfs, image, env=dict(os.environ, TEST_DIR="x", TEST_DEV="x", QA_CHECK_FS="x"))
    with tempfile.TemporaryDirectory() as folder:
        run("mount", "-o", "loop", image, folder)
        try:
            for filler in fillers:
                filler(pathlib.Path(folder))
        finally:
            run("umount", folder)
    keep(image)


def packed():
    disk = bytearray(1 << 20)
    disk[:2000] = b"a disk " * 285 + b"12345"
    data = lzma.compress(bytes(disk), check=lzma.CHECK_CRC32)
    (BASES / "packed.xz").write_bytes(data)
    keep(BASES / "packed.xz")


def written_by_qemu():
    """The layouts that Imprint reads but does not write."""
    disk = bytearray(1 << 20)
    disk[:3000] = b"a disk " * 428 + b"1234"
    disk[300_000:308_192] = bytes(range(256)) * 32
    disk[-600:] = b"the end " * 75
    options = {
        "sparse.vmdk": "subformat=monolithicSparse",
        "static.vdi": "static=on",
        "v2.qcow2": "compat=0.10",
        "subclusters.qcow2": "extended_l2=on,cluster_size=16k",
        "snapshot.qcow2": "cluster_size=4k",
    }
    with tempfile.TemporaryDirectory() as folder:
        raw, later = pathlib.Path(folder) / "raw", pathlib.Path(folder) / "later"
        raw.write_bytes(disk)
        disk[2000:6000] = b"new " * 1000
        later.write_bytes(disk)
        for name, option in options.items():
            run("qemu-img", "convert", "-f", "raw", "-O", name.split(".")[1], "-o", option, raw, BASES / name)
        run("qemu-img", "snapshot", "-c", "before", BASES / "snapshot.qcow2")
        # into what is there: the snapshot keeps the clusters that are written anew
        run("qemu-img", "convert", "-n", "-f", "raw", "-O", "qcow2", later, BASES / "snapshot.qcow2")
    for name in options:
        keep(BASES / name)


def main():
    for folder in (BASES, SEEDS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "tree"
        small_tree(tree)
        keep(ext("ext4.img", 2048, tree, "-t", "ext4", "-b", "1024"))
        keep(ext("ext4-no-checksums.img", 4096, tree, "-t", "ext4", "-b", "4096", "-O", "^metadata_csum,inline_data"))
        keep(ext("ext2.img", 2048, tree, "-t", "ext2", "-b", "1024", "-I", "128"))
        keep(fat("fat12.img", 1440, tree, "-F", "12"))
        keep(fat("fat16.img", 16384, tree, "-F", "16"))
        keep(fat("fat32.img", 40960, tree, "-F", "32", "-s", "1"))
        partitioned(tree)
        lvm(tree)
        guest(tree)
    mounted("xfs-fuzz.img", 16, ("mkfs.xfs", "-q", "-f", "-K", "-b", "size=1024", "-m", "rmapbt=0"), small_files)
    mounted("btrfs-fuzz.img", 16, ("mkfs.btrfs", "-q", "-f", "-K", "-M", "-n", "4096", "--csum", "xxhash"),
            small_files, compressed_files)
    packed()
    written_by_qemu()
    rpm_seeds()
    seed("dpkg", "status", DPKG)
    seed("apk", "installed", APK)


main()
