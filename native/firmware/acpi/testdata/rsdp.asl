// What BuildRsdp must answer for an XSDT at 0xe0400; iasl fills in the checksums.
[0008]          Signature : "RSD PTR "
[0001]           Checksum : 00
[0006]             Oem ID : "VMTEST"
[0001]           Revision : 02
[0004]       RSDT Address : 00000000
[0004]             Length : 00000024
[0008]       XSDT Address : 00000000000E0400
[0001]  Extended Checksum : 00
[0003]           Reserved : 000000
