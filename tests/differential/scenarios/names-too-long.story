# A host name that no name can be, in pieces: as good as not sent.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "ddns-replace-client-name": "when-not-present", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover host='aaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllllmmmm.aaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllllmmmm.aaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllllmmmm.aaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllllmmmm.aaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllllmmmm' -> offer 192.0.2.100
b discover host='b' -> offer 192.0.2.101 12=62
