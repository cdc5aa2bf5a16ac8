//! Licences as package databases write them: which of them are SPDX expressions.

/// Identifiers that distributions use, in the case of the SPDX list.
const IDS: &[&str] = &[
    "0BSD",
    "AFL-2.1",
    "AFL-3.0",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.0",
    "Apache-1.1",
    "Apache-2.0",
    "APSL-2.0",
    "Artistic-1.0",
    "Artistic-1.0-Perl",
    "Artistic-2.0",
    "Beerware",
    "Bitstream-Vera",
    "Bitstream-Charter",
    "blessing",
    "BlueOak-1.0.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-2-Clause-Patent",
    "BSD-2-Clause-Views",
    "BSD-3-Clause",
    "BSD-3-Clause-Attribution",
    "BSD-3-Clause-Clear",
    "BSD-3-Clause-LBNL",
    "BSD-4-Clause",
    "BSD-4-Clause-UC",
    "BSD-Source-Code",
    "BSL-1.0",
    "bzip2-1.0.6",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "CC-PDDC",
    "CC0-1.0",
    "CDDL-1.0",
    "CDDL-1.1",
    "CPL-1.0",
    "curl",
    "dtoa",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.2",
    "FSFAP",
    "FSFUL",
    "FSFULLR",
    "FSFULLRWD",
    "FTL",
    "GCR-docs",
    "GFDL-1.1-or-later",
    "GFDL-1.2-only",
    "GFDL-1.2-or-later",
    "GFDL-1.3-no-invariants-or-later",
    "GFDL-1.3-only",
    "GFDL-1.3-or-later",
    "GPL-1.0-only",
    "GPL-1.0-or-later",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "HPND-sell-variant",
    "ICU",
    "IJG",
    "ImageMagick",
    "Info-ZIP",
    "Intel",
    "IPL-1.0",
    "ISC",
    "JasPer-2.0",
    "JSON",
    "LGPL-2.0-only",
    "LGPL-2.0-or-later",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "Libpng",
    "libpng-2.0",
    "libselinux-1.0",
    "libtiff",
    "LPPL-1.3c",
    "Latex2e",
    "Linux-man-pages-copyleft",
    "MirOS",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MIT-enna",
    "MIT-feh",
    "MIT-Modern-Variant",
    "mpich2",
    "MPL-1.0",
    "MPL-1.1",
    "MPL-2.0",
    "MPL-2.0-no-copyleft-exception",
    "MS-PL",
    "NAIST-2003",
    "NCSA",
    "NetCDF",
    "NIST-PD",
    "NTP",
    "OFL-1.0",
    "OFL-1.1",
    "OGL-UK-3.0",
    "OLDAP-2.8",
    "OML",
    "OpenSSL",
    "OPL-1.0",
    "OpenPBS-2.3",
    "PHP-3.01",
    "PostgreSQL",
    "PSF-2.0",
    "psfrag",
    "Python-2.0",
    "Python-2.0.1",
    "QPL-1.0",
    "RSA-MD",
    "Ruby",
    "SGI-B-2.0",
    "Sleepycat",
    "SMLNJ",
    "snprintf",
    "Spencer-86",
    "Spencer-94",
    "Spencer-99",
    "SSH-OpenSSH",
    "SSH-short",
    "SSLeay-standalone",
    "SunPro",
    "TCL",
    "TCP-wrappers",
    "TMate",
    "TTWL",
    "Unicode-3.0",
    "Unicode-DFS-2015",
    "Unicode-DFS-2016",
    "Unicode-TOU",
    "Unlicense",
    "UPL-1.0",
    "Vim",
    "W3C",
    "W3C-19980720",
    "W3C-20150513",
    "WTFPL",
    "X11",
    "X11-distribute-modifications-variant",
    "XFree86-1.1",
    "Xdebug-1.03",
    "Zend-2.0",
    "Zlib",
    "zlib-acknowledgement",
    "ZPL-2.0",
    "ZPL-2.1",
];

/// Exceptions that may follow `WITH`.
const EXCEPTIONS: &[&str] = &[
    "Autoconf-exception-2.0",
    "Autoconf-exception-3.0",
    "Autoconf-exception-generic",
    "Bison-exception-2.2",
    "Bootloader-exception",
    "Classpath-exception-2.0",
    "cryptsetup-OpenSSL-exception",
    "Font-exception-2.0",
    "GCC-exception-2.0",
    "GCC-exception-3.1",
    "GNU-compiler-exception",
    "Libtool-exception",
    "Linux-syscall-note",
    "LLVM-exception",
    "LGPL-3.0-linking-exception",
    "OCaml-LGPL-linking-exception",
    "openvpn-openssl-exception",
    "Qt-GPL-exception-1.0",
    "stunnel-exception",
    "Texinfo-exception",
    "u-boot-exception-2.0",
    "vsftpd-openssl-exception",
    "x11vnc-openssl-exception",
];

/// How deep parentheses may be nested.
const DEPTH_MAX: usize = 16;

/// The licence as an SPDX expression with the list's spelling; none when it is none, or names what is not known here.
pub(super) fn expression(text: &str) -> Option<String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let mut out = Vec::new();
    one(&mut words, &mut out, 0)?;
    words.next().is_none().then(|| out.join(" ").replace("( ", "(").replace(" )", ")"))
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

/// Terms with `AND` and `OR` between them.
fn one(words: &mut Words<'_>, out: &mut Vec<&'static str>, depth: usize) -> Option<()> {
    loop {
        term(words, out, depth)?;
        match words.peek() {
            Some(&"AND" | &"and") => out.push("AND"),
            Some(&"OR" | &"or") => out.push("OR"),
            _ => return Some(()),
        }
        words.next();
    }
}

/// An identifier, perhaps with an exception, or an expression in parentheses.
fn term(words: &mut Words<'_>, out: &mut Vec<&'static str>, depth: usize) -> Option<()> {
    let word = words.next()?;
    if word == "(" {
        if depth == DEPTH_MAX {
            return None;
        }
        out.push("(");
        one(words, out, depth + 1)?;
        out.push(")");
        return (words.next()? == ")").then_some(());
    }
    out.push(listed(IDS, word)?);
    if matches!(words.peek(), Some(&"WITH" | &"with")) {
        words.next();
        out.push("WITH");
        out.push(listed(EXCEPTIONS, words.next()?)?);
    }
    Some(())
}

fn listed(list: &[&'static str], word: &str) -> Option<&'static str> {
    list.iter().find(|known| known.eq_ignore_ascii_case(word)).copied()
}
