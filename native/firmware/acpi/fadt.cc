// The FADT of a hardware-reduced platform (ACPI 6.5, 5.2.9).
#include "firmware/acpi/parts.h"
#include "firmware/acpi/table.h"

namespace vmtest::acpi {
namespace {

constexpr uint8_t kMajor = 6;
constexpr uint8_t kMinor = 5;
constexpr size_t kSize = 276;

// Offsets of the fields that are not zero; between them lies the fixed hardware that is not there.
constexpr size_t kPreferredProfile = 45;
constexpr size_t kBootFlags = 109;
constexpr size_t kFlags = 112;
constexpr size_t kResetRegister = 116;
constexpr size_t kMinorVersion = 131;
constexpr size_t kXDsdt = 140;
constexpr size_t kSleepControl = 244;

constexpr uint8_t kProfileEnterpriseServer = 4;

// 5.2.9.3 "IA-PC Boot Architecture Flags".
constexpr uint16_t kLegacyDevices = 1 << 0;
constexpr uint16_t k8042 = 1 << 1;
constexpr uint16_t kVgaNotPresent = 1 << 2;
constexpr uint16_t kCmosRtcNotPresent = 1 << 5;

// 5.2.9, table "Fixed ACPI Description Table Fixed Feature Flags".
constexpr uint32_t kWbinvd = 1 << 0;
constexpr uint32_t kProcC1 = 1 << 2;
constexpr uint32_t kPowerButtonNotFixed = 1 << 4;
constexpr uint32_t kSleepButtonNotFixed = 1 << 5;
constexpr uint32_t kResetRegisterSupported = 1 << 10;
constexpr uint32_t kHardwareReduced = 1 << 20;

}  // namespace

std::vector<uint8_t> BuildFadt(const Config& config, GuestAddress dsdt) {
  // Without the 8042 flag Linux does not probe for a keyboard, which takes it many port accesses.
  const bool keyboard = config.keyboard_gsi.has_value();
  unsigned boot_flags = kVgaNotPresent;
  boot_flags |= keyboard || config.serial.has_value() ? kLegacyDevices : 0U;
  boot_flags |= keyboard ? k8042 : 0U;
  boot_flags |= config.rtc ? 0U : kCmosRtcNotPresent;

  TableWriter table("FACP", kMajor);
  table.ZeroUntil(kPreferredProfile);
  table.U8(kProfileEnterpriseServer);
  table.ZeroUntil(kBootFlags);
  table.U16(static_cast<uint16_t>(boot_flags));
  table.ZeroUntil(kFlags);
  table.U32(kWbinvd | kProcC1 | kPowerButtonNotFixed | kSleepButtonNotFixed |
            kResetRegisterSupported | kHardwareReduced);
  table.ZeroUntil(kResetRegister);
  table.PortRegister(config.reset_port);
  table.U8(config.reset_value);
  table.ZeroUntil(kMinorVersion);
  table.U8(kMinor);
  table.ZeroUntil(kXDsdt);
  table.U64(dsdt);
  table.ZeroUntil(kSleepControl);
  table.PortRegister(config.sleep_control_port);
  table.PortRegister(config.sleep_status_port);
  table.ZeroUntil(kSize);
  return std::move(table).Finish();
}

}  // namespace vmtest::acpi
