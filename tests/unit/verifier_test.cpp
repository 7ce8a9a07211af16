#include "vm/module/verifier.h"

#include <gtest/gtest.h>

#include "tests/unit/sample_module.h"

namespace eyeflow::vm {
namespace {

using test::sample_module;

TEST(Verifier, TheSampleModuleVerifies) {
  const auto verified = verify(sample_module(), {});
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->module, sample_module());
}

}  // namespace
}  // namespace eyeflow::vm
