"""Exports over TLS, and that nothing is said without it."""

import os
import subprocess

import pytest
from disk.tools import run
from harness import process
from harness.imprint import binary


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate for localhost and who says that it is good."""
    folder = tmp_path_factory.mktemp("tls")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", "/CN=test authority", "-keyout", folder / "ca-key.pem", "-out", folder / "ca-cert.pem")
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
        "-keyout", folder / "key.pem", "-out", folder / "request.pem")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run("openssl", "x509", "-req", "-in", folder / "request.pem", "-CA", folder / "ca-cert.pem", "-CAkey",
        folder / "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", folder / "names",
        "-out", folder / "cert.pem")
    return folder


def test_a_disk_over_tls(start, source, raw, authority, tmp_path):
    served = start(nbd_tls_cert=str(authority / "cert.pem"), nbd_tls_key=str(authority / "key.pem"))
    offer = served.offer(served.image(source("qcow2"), "qcow2")).expect(201).json()
    assert offer["tls"] and offer["uri"] == f"nbds://127.0.0.1:{served.port}/{offer['name']}"
    trust = tmp_path / "trust"
    trust.mkdir()
    os.symlink(authority / "ca-cert.pem", trust / "ca-cert.pem")
    out = tmp_path / "out"
    run("nbdcopy", f"{offer['uri']}?tls-certificates={trust}", out)
    run("qemu-img", "compare", "-f", "raw", "-F", "raw", raw, out)
    run("qemu-img", "compare", "--object", f"tls-creds-x509,id=tls0,dir={trust},endpoint=client", "--image-opts",
        f"driver=raw,file.driver=file,file.filename={raw}",
        f"driver=nbd,host=127.0.0.1,port={served.port},export={offer['name']},tls-creds=tls0")
    told = subprocess.run(["nbdinfo", f"nbd://127.0.0.1:{served.port}/{offer['name']}"], capture_output=True,
                          text=True, check=False)
    assert told.returncode != 0 and "opt_go" in told.stderr, told.stderr


def test_the_network_hears_nothing_without_tls(start, authority):
    port = process.free_port()
    served = start()
    for settings, why in (
        ({"NBD_LISTEN": f"0.0.0.0:{port}"}, "loopback"),
        ({"NBD_LISTEN": f"127.0.0.1:{port}", "NBD_TLS_CERT": str(authority / "cert.pem")}, "go together"),
        ({"NBD_LISTEN": "127.0.0.1:0"}, "must name a port"),
        ({"NBD_LISTEN": f"127.0.0.1:{port}", "NBD_TLS_CERT": str(authority / "none"),
          "NBD_TLS_KEY": str(authority / "key.pem")}, "nbd_tls_cert"),
    ):
        env = {**served.server.environment(), "IMPRINT_LISTEN": f"127.0.0.1:{process.free_port()}",
               "IMPRINT_DATA_DIR": served.server.data_dir + "-other",
               **{f"IMPRINT_{name}": value for name, value in settings.items()}}
        ended = subprocess.run([binary(), "serve"], env=env, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode != 0 and why in ended.stdout + ended.stderr, ended.stderr
