# Classes that are evaluated last, for the pool that was chosen and for its subnet.
config
{ "client-classes": [
    { "name": "early", "test": "option[60].hex == 'early'", "option-data": [{ "name": "domain-name", "data": "early.test" }] },
    { "name": "late", "test": "option[60].exists", "only-if-required": true, "next-server": "192.0.2.77",
      "option-data": [{ "name": "domain-name", "data": "late.test" }, { "name": "root-path", "data": "/late" }] },
    { "name": "bare", "test": "member('ALL')", "only-if-required": true, "option-data": [{ "name": "boot-size", "data": "7", "always-send": true }] },
    { "name": "after", "test": "member('late')", "only-if-required": true, "option-data": [{ "name": "host-name", "data": "after" }] }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "require-client-classes": ["late", "after", "unknown"],
    "pools": [{ "pool": "192.0.2.100 - 192.0.2.101", "require-client-classes": ["bare"] }, { "pool": "192.0.2.110/31" }] }] }
end
a discover prl=12,13,15,17 -> offer
a select class='x' prl=12,13,15,17 -> ack
b discover class='early' prl=12,13,15,17 -> offer
b select class='early' -> ack
c discover class='x' prl=15 requested=192.0.2.110 -> offer
d inform class='x' ciaddr=192.0.2.50 prl=15,17 -> ack
