# An option 125 of the configuration says to each client what is for it.
config
{ "option-def": [{ "name": "vlan", "code": 2, "space": "vendor-339", "type": "uint32" }],
  "option-data": [{ "name": "vivso-suboptions", "data": "339", "always-send": true }],
  "subnet4": [
    { "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] },
    { "id": 2, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10 - 10.1.0.20" }],
      "option-data": [{ "name": "vlan", "space": "vendor-339", "data": "5", "always-send": true }] }] }
end
a discover -> offer 192.0.2.100 125=0000015300
b discover via=10.1.0.1 -> offer 10.1.0.10 125=0000015306020400000005
c discover -> offer 192.0.2.101 125=0000015300
