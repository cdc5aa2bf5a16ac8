"""Random changes through random dialects, one image, and a reference model of it that all three views are held against.

`IMPRINT_TEST_SEED` repeats a run; every failure says which seed it was and what was done.
"""

import concurrent.futures
import os
import random
import time

import pytest
from conftest import unique
from harness.ims import JSON_PATCH

SECS_MAX, STEPS_MAX = 20, 400
KEYS, VALUES = [f"k{number}" for number in range(5)], ["", "v", "2026.11", "x-y_z"]
NAMES = ["plain", "with-dash", "Dots.and_lines", "x-y"]
TEXTS = ["a description", "zweite für alle", "100 %", "名前"]
FLAGS = ["__support_xen", "__support_kvm", "__support_xen_hana", "__support_kvm_infiniband", "__support_highperformance"]
EXCLUDED = {"__support_xen_hana": {"__support_xen", "__support_kvm"}, "__support_kvm_infiniband": {"__support_xen"}}
PROPERTIES = [*FLAGS, "max_ram", "hw_vif_multiqueue_enabled", "extension"]
MODES = {"bios": "BIOS", "uefi": "UEFI"}


def tag_text(key, value):
    """A tag as it is stored."""
    return f"{key}={value}" if value else key


def key_of(tag):
    """The key of a stored tag."""
    return tag.split("=", 1)[0]


class Model:
    """What the image should be."""

    def __init__(self, name):
        self.name, self.description, self.mode, self.family = name, None, None, ""
        self.min_ram, self.protected, self.shared = 0, False, False
        self.tags, self.properties = set(), {}

    def put_tag(self, key, value):
        """Another value for the key, or its first."""
        self.drop_tag(key)
        self.tags.add(tag_text(key, value))

    def drop_tag(self, key):
        """Nothing of this key any more."""
        self.tags = {tag for tag in self.tags if key_of(tag) != key}

    def ecs(self):
        """What DescribeImages should say."""
        tags = sorted(((key_of(tag), tag.partition("=")[2]) for tag in self.tags))
        return {"ImageName": self.name, "Description": self.description or "", "ImageFamily": self.family,
                "BootMode": MODES[self.mode or "bios"], "IsSelfShared": str(self.shared).lower(), "Tags": tags}

    def ims(self):
        """What the list should say."""
        out = {"name": self.name, "hw_firmware_type": self.mode or "bios", "min_ram": self.min_ram, "protected": self.protected,
               "tags": sorted(self.tags), "__imagetype": "shared" if self.shared else "private",
               "visibility": "shared" if self.shared else "private", **self.properties}
        if self.description is not None:
            out["__description"] = self.description
        return out

    def glance(self):
        """What the image API should say."""
        out = {"name": self.name, "min_ram": self.min_ram, "protected": self.protected, "tags": sorted(self.tags),
               **self.properties}
        for name, value in (("description", self.description), ("hw_firmware_type", self.mode), ("image_family", self.family)):
            if value:
                out[name] = value
        return out


class Story:
    """One image, its model, and the ways to change both."""

    def __init__(self, world, seed):
        self.world, self.random = world, random.Random(seed)
        self.ecs, self.ims, self.glance = world.ecs, world.account.ims(way="b"), world.account.images()
        name, self.history = unique("random"), []
        self.id = world.made(ImageName=name)
        (found,) = self.ims.images(f"name={name}")
        self.uuid, self.model = found["id"], Model(name)

    def pick(self, several):
        """One of several."""
        return self.random.choice(several)

    def new_name(self):
        """A name that no other image has: ECS takes no name twice."""
        return f"{self.pick(NAMES)}-{self.random.randrange(10**9)}"

    # through ECS

    def ecs_attributes(self):
        asked, model = {}, self.model
        for field, parameter, values in [("name", "ImageName", None), ("description", "Description", TEXTS),
                                         ("mode", "BootMode", list(MODES)), ("family", "ImageFamily", ["line", "other"])]:
            if self.random.random() < 0.4:
                value = self.pick(values) if values else self.new_name()
                setattr(model, field, value)
                asked[parameter] = MODES.get(value, value)
        self.ecs.ok("ModifyImageAttribute", ImageId=self.id, **(asked or {"DryRun": False}))
        return asked

    def ecs_tags(self):
        if self.random.random() < 0.6:
            pairs = {self.pick(KEYS): self.pick(VALUES) for _ in range(self.random.randint(1, 3))}
            self.ecs.ok("TagResources", ResourceType="image", ResourceId=[self.id],
                        Tag=[{"Key": key, "Value": value} for key, value in pairs.items()])
            for key, value in pairs.items():
                self.model.put_tag(key, value)
            return pairs
        keys = self.random.sample(KEYS, 2)
        self.ecs.ok("UntagResources", ResourceType="image", ResourceId=[self.id], TagKey=keys)
        for key in keys:
            self.model.drop_tag(key)
        return keys

    def ecs_share(self):
        self.model.shared = self.random.random() < 0.5
        how = "AddAccount" if self.model.shared else "RemoveAccount"
        self.ecs.ok("ModifyImageSharePermission", ImageId=self.id, **{how: [self.world.stranger.account_id]})
        return how

    # through IMS

    def property_value(self, name):
        if name == "max_ram":
            return str(self.random.randint(1, 8192))
        return "true" if name in FLAGS else self.pick(["true", "false"]) if name.startswith("hw_") else self.pick(TEXTS)

    def ims_element(self, draft):
        """One element of a patch, done to a draft of the model; whether it can be."""
        where = self.pick(["name", "min_ram", "hw_firmware_type", "__description", *PROPERTIES])
        op = self.pick(["add", "replace", "remove"]) if where not in ("name", "min_ram", "hw_firmware_type") else "replace"
        element = {"op": op, "path": f"/{where}"}
        if where == "name":
            draft.name = element["value"] = self.new_name()
        elif where == "min_ram":
            draft.min_ram = element["value"] = self.pick([0, 512, 2048])
        elif where == "hw_firmware_type":
            draft.mode = element["value"] = self.pick(list(MODES))
        elif where == "__description":
            before, draft.description = draft.description, None if op == "remove" else self.pick(TEXTS)
            element["value"] = draft.description or ""
            return element, op == "add" or before is not None
        else:
            there = where in draft.properties
            element["value"] = self.property_value(where)
            draft.properties.pop(where, None)
            if op != "remove":
                draft.properties[where] = element["value"]
            return element, op == "add" or there
        return element, True

    def ims_patch(self):
        draft = Model(self.model.name)
        draft.__dict__.update({**self.model.__dict__, "properties": dict(self.model.properties)})
        elements, possible = [], True
        for _ in range(self.random.randint(1, 3)):
            element, can = self.ims_element(draft)
            elements.append(element)
            possible = possible and can
        possible = possible and not any(name in draft.properties and others & set(draft.properties)
                                        for name, others in EXCLUDED.items())
        if possible:
            self.ims.patch(self.uuid, *elements)
            self.model = draft
        else:
            self.ims.refused(400, "IMG.0035", "PATCH", f"/v2/cloudimages/{self.uuid}", elements)
        return elements, possible

    def ims_tags(self):
        path = f"/v2/{self.ims.project}/images/{self.uuid}/tags"
        key, value = self.pick(KEYS), self.pick(VALUES)
        match self.random.randrange(5):
            case 0:
                self.ims.ok("POST", path, {"tag": {"key": key, "value": value}}, status=204)
            case 1:
                self.ims.ok("POST", f"{path}/action", {"action": "create", "tags": [{"key": key, "value": value}]}, status=204)
            case 2:
                self.ims.ok("PUT", "/v1/cloudimages/tags", {"image_id": self.uuid, "tag": f"{key}.{value}"}, status=204)
            case 3:
                there = any(key_of(tag) == key for tag in self.model.tags)
                assert self.ims.call("DELETE", f"{path}/{key}").status == (204 if there else 404)
                self.model.drop_tag(key)
                return "delete", key
            case 4:
                self.ims.ok("POST", f"{path}/action", {"action": "delete", "tags": [{"key": key}]}, status=204)
                self.model.drop_tag(key)
                return "delete", key
        self.model.put_tag(key, value)
        return key, value

    def ims_share(self):
        path, them = f"/v2/images/{self.uuid}/members", self.world.stranger.project_id
        if self.model.shared:
            self.ims.ok("DELETE", f"{path}/{them}", status=204)
        else:
            self.ims.ok("POST", path, {"member": them})
        self.model.shared = not self.model.shared
        return self.model.shared

    # through Glance

    def glance_patch(self):
        model, text = self.model, self.pick(TEXTS)
        tags = {key: self.pick(VALUES) for key in self.random.sample(KEYS, 2)}
        extension, mode = self.pick(TEXTS), self.pick(list(MODES))
        changes = {"name": self.new_name(), "description": text, "tags": [tag_text(*tag) for tag in tags.items()],
                   "min_ram": self.pick([0, 256, 1024]), "protected": self.random.random() < 0.5, "hw_firmware_type": mode,
                   "extension": extension}
        chosen = {name: changes[name] for name in self.random.sample(sorted(changes), 2)}
        body = [{"op": "add", "path": f"/{name}", "value": value} for name, value in chosen.items()]
        self.glance.call("PATCH", f"/v2/images/{self.uuid}", body, {"Content-Type": JSON_PATCH}).expect(200)
        for name, value in chosen.items():
            if name == "tags":
                model.tags = set(value)
            elif name == "extension":
                model.properties["extension"] = value
            else:
                setattr(model, "mode" if name == "hw_firmware_type" else name, value)
        return chosen

    def glance_tag(self):
        key = self.pick(KEYS)
        if not any(key_of(tag) == key for tag in self.model.tags):
            self.glance.call("PUT", f"/v2/images/{self.uuid}/tags/{key}").expect(204)
            self.model.tags.add(key)
        elif key in self.model.tags:
            self.glance.call("DELETE", f"/v2/images/{self.uuid}/tags/{key}").expect(204)
            self.model.tags.discard(key)
        return key

    def step(self):
        """One change."""
        how = self.pick([self.ecs_attributes, self.ecs_tags, self.ecs_share, self.ims_patch, self.ims_patch, self.ims_tags,
                         self.ims_share, self.glance_patch, self.glance_tag])
        self.history.append(how.__name__)
        self.history[-1] = (how.__name__, how())

    def compare(self):
        """All three views and the model."""
        found = self.ecs.image(self.id)
        found = {**found, "Tags": sorted((tag["TagKey"], tag["TagValue"]) for tag in found["Tags"]["Tag"])}
        expected = self.model.ecs()
        assert {name: found[name] for name in expected} == expected
        for found, expected, absent in [
                (self.ims.image(self.uuid), self.model.ims(), ["__description", *PROPERTIES]),
                (self.glance.show(self.uuid), self.model.glance(),
                 ["description", "hw_firmware_type", "__description", *PROPERTIES])]:
            found["tags"].sort()
            shown = {name: found[name] for name in [*expected, *absent] if name in found}
            assert shown == expected

    def end(self):
        """Takes the image away."""
        if self.model.protected:
            self.glance.patch(self.uuid, {"op": "replace", "path": "/protected", "value": False}).expect(200)
        if self.model.shared:
            self.ims_share()
        self.ims.ok("DELETE", f"/v2/images/{self.uuid}", status=204)


def test_one_image_changed_by_all(world):
    seed = int(os.environ.get("IMPRINT_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"IMPRINT_TEST_SEED={seed}")
    story, end, steps = Story(world, seed), time.monotonic() + SECS_MAX, 0
    try:
        story.compare()
        while steps < STEPS_MAX and time.monotonic() < end:
            steps += 1
            story.step()
            story.compare()
    except AssertionError as error:
        last = "\n".join(str(entry) for entry in story.history[-6:])
        pytest.fail(f"IMPRINT_TEST_SEED={seed}, step {steps}: {error}\nthe last changes:\n{last}")
    story.end()


def test_changes_that_race_are_all_there(world):
    """Every change that was acknowledged is seen afterwards, whichever dialect it came by."""
    story, each = Story(world, 0), 8
    path = f"/v2/{story.ims.project}/images/{story.uuid}/tags"

    def by_ims(number):
        story.ims.patch(story.uuid, {"op": "add", "path": f"/ims_{number}", "value": "there"})

    def by_glance(number):
        story.glance.patch(story.uuid, {"op": "add", "path": f"/glance_{number}", "value": "there"}).expect(200)

    def by_ecs(number):
        story.ecs.ok("TagResources", ResourceType="image", ResourceId=[story.id], Tag=[{"Key": f"ecs{number % 4}", "Value": "v"}])

    def by_tags(number):
        story.ims.ok("POST", path, {"tag": {"key": f"ims{number % 4}", "value": "v"}}, status=204)

    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        done = [pool.submit(way, number) for number in range(each) for way in (by_ims, by_glance, by_ecs, by_tags)]
        for one in done:
            one.result()
    found = story.ims.image(story.uuid)
    assert [name for number in range(each) for name in (f"ims_{number}", f"glance_{number}") if found.get(name) != "there"] == []
    assert found["tags"] == sorted(f"{way}{number}=v" for way in ("ecs", "ims") for number in range(4))
    story.end()
