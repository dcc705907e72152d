# Class tests see a BOOTP request as a REQUEST.
config
{ "client-classes": [{ "name": "typed", "test": "option[53].exists and option[53].hex == 0x03 and pkt4.msgtype == 3", "option-data": [{ "name": "root-path", "data": "/typed", "always-send": true }] }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
config kea
{ "hooks-libraries": [{ "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so" }, { "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_bootp.so" }] }
end
config ours
{ "hooks-libraries": [{ "library": "libdhcp_lease_cmds.so" }, { "library": "libdhcp_bootp.so" }] }
end
a bootp -> type-0 192.0.2.100 17=2f7479706564
