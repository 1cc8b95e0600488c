// What AmlWriter must write in IaslTest.CompilesNamesAndIntegersToTheSameBytes.
DefinitionBlock ("", "SSDT", 2, "VMTEST", "VMTEST  ", 1)
{
    Scope (_SB)
    {
        Name (Z, 0)
        Device (AB)
        {
            Name (_ADR, 0xFF)
            Device (CDE) { Name (_ADR, 0x100) }
        }
    }
    Name (N, 1)
    Name (DWRD, 0x10000)
    Name (QWRD, 0x100000000)
    Name (MAX, 0xFFFFFFFFFFFFFFFE)
    Name (STR, "some text")
    Name (EISA, EisaId ("XYZ9AF0"))
    Name (PACK, Package () { 0, 1, 2, 0x1234, 0x12345678, 0x123456789A })
}
