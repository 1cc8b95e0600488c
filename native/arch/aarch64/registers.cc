#include <fmt/format.h>

#include "arch/aarch64/one_reg.h"
#include "arch/named_registers.h"

namespace vmtest {

std::map<std::string, uint64_t> NamedRegisters(const Vcpu& vcpu) {
  std::map<std::string, uint64_t> named;
  const auto add = [&](const std::string& name, uint64_t id) {
    if (const auto value = arm64::GetOneReg(vcpu, id, name)) {
      named.emplace(name, *value);
    }
  };
  constexpr unsigned kGeneralRegisters = 31;
  for (unsigned i = 0; i < kGeneralRegisters; ++i) {
    add(fmt::format("x{}", i), arm64::GeneralRegister(i));
  }
  add("sp", arm64::kStackPointer);
  add("pc", arm64::kProgramCounter);
  add("pstate", arm64::kProcessorState);
  add("sctlr_el1", arm64::kSystemControl);
  add("esr_el1", arm64::kSyndrome);
  add("far_el1", arm64::kFaultAddress);
  add("vbar_el1", arm64::kVectorBase);
  return named;
}

}  // namespace vmtest
