use super::*;

const DEBIAN: &str = r#"
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
else
   set default="0"
fi
function load_video {
  if [ x$feature_all_video_module = xy ]; then
    insmod all_video
  fi
}
menuentry 'Debian GNU/Linux' --class debian --class os $menuentry_id_option 'gnulinux-simple-1' {
	load_video
	echo	'Loading Linux ...'
	linux	/boot/vmlinuz-6.1.0-28-amd64 root=UUID=1 ro  quiet console=ttyS0
	initrd	/boot/initrd.img-6.1.0-28-amd64
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-1' {
	menuentry 'Debian, with Linux 5' --class debian $menuentry_id_option 'gnulinux-5-advanced-1' {
		linux	($root)/boot/vmlinuz-5 root=UUID=1
		initrd	/boot/initrd.img-5 /boot/extra
	}
}
menuentry 'UEFI Firmware Settings' { fwsetup; }
"#;

#[test]
fn a_generated_configuration_gives_its_entries() {
    let config = Config::parse(DEBIAN, &HashMap::new());
    assert_eq!((config.damage, config.default.as_deref(), config.uses_bls), (None, Some("0"), false));
    let titles: Vec<_> = config.entries.iter().map(|entry| entry.title.as_str()).collect();
    assert_eq!(titles, ["Debian GNU/Linux", "Debian, with Linux 5", "UEFI Firmware Settings"]);
    let first = &config.entries[0];
    assert_eq!(first.kernel.as_deref(), Some("/boot/vmlinuz-6.1.0-28-amd64"));
    assert_eq!(first.command_line, "root=UUID=1 ro quiet console=ttyS0");
    let inner = &config.entries[1];
    assert_eq!(inner.kernel.as_deref(), Some("/boot/vmlinuz-5"));
    assert_eq!(inner.initrds, ["/boot/initrd.img-5", "/boot/extra"]);
    for name in ["1>0", "gnulinux-advanced-1>gnulinux-5-advanced-1", "Advanced options>0"] {
        assert!(inner.is_called(name), "{name}");
    }
    assert!(!inner.is_called("0") && config.entries[2].is_called("2"));
}

#[test]
fn variables_are_filled_in_and_the_environment_wins() {
    let environment = environment("# GRUB Environment Block\nsaved_entry=x\nkernelopts=root=/dev/rl/root ro\n####");
    let text = "set default=\"${saved_entry}\"\nset kernelopts=\"a\"\nset kv=5\nblscfg\nmenuentry x { linux /v-$kv $kernelopts ${unknown}\n}";
    let config = Config::parse(text, &environment);
    assert_eq!(config.default.as_deref(), Some("x"));
    assert_eq!(config.variables["kv"], "5");
    assert!(config.uses_bls);
    assert_eq!(config.entries[0].kernel.as_deref(), Some("/v-5"));
    assert_eq!(config.entries[0].command_line, "root=/dev/rl/root ro");
    assert_eq!(expand("$default", &environment), "");
}

#[test]
fn what_the_first_list_of_entries_sees_is_kept_once() {
    let config = Config::parse("set a=1\nblscfg\nset a=2\nblscfg\n", &HashMap::new());
    assert_eq!((config.uses_bls, config.variables["a"].as_str()), (true, "1"));
}

#[test]
fn variables_that_double_with_each_line_stay_small() {
    let text = format!("set a=xxxxxxxxxxxxxxxx\n{}menuentry x {{ linux /v $a\n}}", "set a=$a$a\n".repeat(60));
    let config = Config::parse(&text, &HashMap::new());
    let length = config.entries[0].command_line.len();
    assert!((EXPANDED_BYTES..=2 * EXPANDED_BYTES).contains(&length), "{length}");
}

#[test]
fn damage_is_told() {
    let damage = |text: &str| Config::parse(text, &HashMap::new()).damage;
    assert_eq!(damage("menuentry 'x' {\n linux /v\n"), Some("a block has no end"));
    assert_eq!(damage("menuentry 'x {\n"), Some("a quote has no end"));
    assert_eq!(damage(&"submenu x {\n".repeat(40)), Some("blocks lie too deep"));
    assert_eq!(damage("}\n}\n"), None);
}

#[test]
fn the_older_form_is_read() {
    let config = Config::parse_legacy(
        "default=1\ntitle A\n\troot (hd0,0)\n\tkernel /vmlinuz-1 ro root=/dev/sda1\ntitle B\n kernel (hd0,0)/vmlinuz-2 root=LABEL=/\n initrd /initrd-2\n",
    );
    assert_eq!(config.default.as_deref(), Some("1"));
    assert_eq!(config.entries[1].kernel.as_deref(), Some("/vmlinuz-2"));
    assert_eq!(config.entries[1].initrds, ["/initrd-2"]);
    assert!(config.entries[1].is_called("1"));
}

/// What `grub2-mkconfig` writes on RHEL 9, shortened.
const RHEL: &str = r#"
set pager=1
if [ -f ${config_directory}/grubenv ]; then
  load_env -f ${config_directory}/grubenv
elif [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="${saved_entry}"
fi
if [ x"${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
else
  menuentry_id_option=""
fi
function savedefault {
  if [ -z "${boot_once}" ]; then
    saved_entry="${chosen}"
    save_env saved_entry
  fi
}
insmod increment
if [ -n "${boot_counter}" -a "${boot_success}" = "0" ]; then
  if  [ "${boot_counter}" = "0" -o "${boot_counter}" = "-1" ]; then
    set default=1
    set boot_counter=-1
  else
    decrement boot_counter
  fi
  save_env boot_counter
fi
if [ -z "${kernelopts}" ]; then
  set kernelopts="root=/dev/mapper/rhel-root ro"
fi
insmod blscfg
blscfg
if [ "${boot_success}" = "1" -o "${boot_indeterminate}" = "1" ]; then
  set menu_hide_ok=1
else
  set menu_hide_ok=0
fi
set boot_success=0
set kernelopts="too late"
"#;

#[test]
fn a_fallback_counts_only_when_it_would_at_a_start() {
    let default = |block: &str| Config::parse(RHEL, &environment(block)).default.unwrap_or_default();
    assert_eq!(default("saved_entry=new\nboot_success=0\n"), "new");
    assert_eq!(default("saved_entry=new\nboot_success=1\nboot_counter=0\n"), "new");
    assert_eq!(default("saved_entry=new\nboot_success=0\nboot_counter=2\n"), "new");
    assert_eq!(default("saved_entry=new\nboot_success=0\nboot_counter=0\n"), "1");
    assert_eq!(default("saved_entry=new\nnext_entry=once\n"), "new");
    assert_eq!(default("saved_entry=once\nprev_saved_entry=new\n"), "new");
    assert_eq!(default(""), "");
}

#[test]
fn entries_in_files_see_the_variables_of_their_moment() {
    let config = Config::parse(RHEL, &HashMap::new());
    assert_eq!(config.variables["kernelopts"], "root=/dev/mapper/rhel-root ro");
    let config = Config::parse(RHEL, &environment("kernelopts=root=LABEL=x\n"));
    assert_eq!(config.variables["kernelopts"], "root=LABEL=x");
    assert_eq!(config.damage, None);
}

#[test]
fn a_block_may_end_on_the_line_of_its_last_command() {
    let text = "menuentry 'a' { linux /a root=1 }\nmenuentry 'b' {\n linux /b root=2 }\nsubmenu s { menuentry c { linux /c } }\nmenuentry 'd' { linux /d '}' ; }\n";
    let config = Config::parse(text, &HashMap::new());
    assert_eq!(config.damage, None);
    let found: Vec<_> = config
        .entries
        .iter()
        .map(|entry| (entry.chain.len(), entry.kernel.as_deref().unwrap(), entry.command_line.as_str()))
        .collect();
    assert_eq!(found, [(1, "/a", "root=1"), (1, "/b", "root=2"), (2, "/c", ""), (1, "/d", "}")]);
    assert!(config.entries[3].is_called("3"));
}

#[test]
fn branches_that_are_not_taken_offer_nothing() {
    let text = "set a=1\nif [ \"$a\" = 2 ]; then menuentry no { linux /no\n}\nelif test $a -lt 5; then menuentry yes { linux /yes\n}\nelse\nmenuentry other { linux /other\n}\nfi\nif [ $grub_platform = efi ]; then\nmenuentry efi { linux /efi\n}\nelse\nmenuentry bios { linux /bios\n}\nfi\nif ! search x; then menuentry s { linux /s\n}\nfi\n";
    let config = Config::parse(text, &HashMap::new());
    assert_eq!(config.damage, None);
    let titles: Vec<_> = config.entries.iter().map(|entry| entry.title.as_str()).collect();
    assert_eq!(titles, ["yes", "efi", "bios", "s"]);
    assert!(config.entries[0].is_called("0"));
    // A condition without its end ends with the block it is in.
    let open = "menuentry a {\n if [ 1 = 2 ]; then\n}\nmenuentry b { linux /b\n}\n";
    assert_eq!(Config::parse(open, &HashMap::new()).entries.len(), 2);
    assert_eq!(Config::parse(&"if true; then\n".repeat(100), &HashMap::new()).damage, Some("conditions lie too deep"));
}

#[test]
fn arguments_that_are_variables_stay_small_together() {
    let text = format!("set a={}\nmenuentry x {{ linux /v {}\n}}", "x".repeat(10_000), "$a ".repeat(10_000));
    let length = Config::parse(&text, &HashMap::new()).entries[0].command_line.len();
    assert!(length < 4 * EXPANDED_BYTES, "{length}");
}
