# Values of options in all their forms, with and without csv-format, and what is sent of duplicates.
config
{ "option-data": [
    { "name": "routers", "data": "192.0.2.1,192.0.2.2" }, { "code": 6, "data": "C0000203", "csv-format": false },
    { "name": "domain-search", "data": "a.example, b.example" }, { "name": "static-routes", "data": "10.0.0.1, 192.0.2.1" },
    { "name": "user-class", "data": "0361626" , "csv-format": false }, { "name": "client-system", "data": "0, 7" },
    { "name": "slp-directory-agent", "data": "true, 10.0.0.1, 10.0.0.2" }, { "name": "slp-service-scope", "data": "false, scope" },
    { "name": "uuid-guid", "data": "0, 0102" }, { "name": "time-offset", "data": "-3600" }, { "name": "ip-forwarding", "data": "true" },
    { "name": "rdnss-selection", "data": "1, 10.0.0.1, 10.0.0.2, a.example" }, { "name": "option-6rd", "data": "8, 32, 2001:db8::, 10.0.0.1" },
    { "name": "v4-portparams", "data": "6, 3/4" }, { "name": "tcode", "data": "'Europe/Berlin'" }, { "name": "pcode", "data": "a\\,b, c" },
    { "name": "boot-file-name", "data": "0x626f6f74", "csv-format": false }, { "name": "nisplus-domain-name", "data": "'quoted'", "csv-format": false },
    { "name": "netbios-node-type", "data": "0x08" }, { "name": "path-mtu-plateau-table", "data": "68, 576" },
    { "name": "root-path", "data": "first" }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover prl=3,6,119,33,77,93,78,79,97,2,19,146,212 -> offer
b discover prl=159,101,100,67,64,46,25,17 -> offer
