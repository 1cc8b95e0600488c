#include "kvm/kvm.h"

#include <gtest/gtest.h>

namespace vmtest {
namespace {

TEST(KvmTest, AMissingDeviceIsNamed) {
  const auto kvm = Kvm::Open("/nonexistent/kvm");
  ASSERT_FALSE(kvm.has_value());
  EXPECT_EQ(kvm.error().code, ErrorCode::kNotFound);
  EXPECT_NE(kvm.error().message.find("/nonexistent/kvm"), std::string::npos);
}

TEST(KvmTest, ADeviceThatIsNotKvmIsRefused) {
  const auto kvm = Kvm::Open("/dev/null");
  ASSERT_FALSE(kvm.has_value());
  EXPECT_EQ(kvm.error().code, ErrorCode::kKvm);
}

}  // namespace
}  // namespace vmtest
