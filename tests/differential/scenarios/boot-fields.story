# next-server, server-hostname and boot-file-name: global, subnet and class.
config
{ "next-server": "192.0.2.5", "server-hostname": "global", "boot-file-name": "/global",
  "client-classes": [{ "name": "efi", "test": "option[93].hex == 0x0007", "boot-file-name": "/efi" },
    { "name": "bios", "test": "option[93].hex == 0x0000", "next-server": "192.0.2.6", "server-hostname": "bios", "boot-file-name": "/bios" }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }], "boot-file-name": "/subnet" }, { "id": 2, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }], "next-server": "10.1.0.4" }] }
end
a discover -> offer
a select -> ack
b discover opt93=0007 -> offer
b select opt93=0007 -> ack
c discover opt93=0000 -> offer
c select opt93=0000 -> ack
d discover via=10.1.0.1 -> offer
d select via=10.1.0.1 opt93=0000 -> ack
d request via=10.1.0.1 requested=10.9.9.9 -> nak
a inform opt93=0007 -> ack
