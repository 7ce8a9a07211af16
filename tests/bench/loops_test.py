#!/usr/bin/env python3
"""bench/loops.py on code whose loops were counted by hand: loops_test.py EYEFLOWC"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import loops  # noqa: E402

# Two loops in one; a way back from behind the code, which is none; a jump over a part of the body.
LISTING = """function "every 1 s" ()
  load.imm      r5, 0                           // 1
  ;                             L4:
  ;     4883EC08                sub rsp, 8
  ;                             align 16
  ;                             L5:
  ;     4883C001                add rax, 1
  ;                             L6:
  ;     48FFC1                  inc rcx
  ;     0F84........            je L7
  ;     48FFC2                  inc rdx
  ;                             L7:
  ;     4839C1                  cmp rcx, rax
  ;     72E9                    short jb L6
  ;                             L8:
  ;     48FFC6                  inc rsi
  ;     EBF0                    short jmp L9
  ;                             L9:
  ;     4839F7                  cmp rdi, rsi
  ;     72F0                    short jb L8
  ;     4839F7                  cmp rdi, rax
  ;     72F0                    jb L5
  ;     C3                      ret
  ; traps and what rarely happens
  ;                             L10:
  ;     B806000000              mov eax, 6
  ;     E9........              jmp L8
end
"""
A64 = """	.type	k_run,@function
k_run:                                  // @k_run
	.cfi_startproc
// %bb.0:
	mov	x8, xzr
.LBB0_1:                                // =>This Inner Loop Header
	ldr	d0, [x9, x8, lsl #3]
	cbz	x8, .LBB0_3
	fadd	d1, d1, d0
.LBB0_3:
	add	x8, x8, #1
	tbnz	w8, #5, .LBB0_4
	b	.LBB0_1
.LBB0_4:
	ret
.Lfunc_end0:
"""


class Loops(unittest.TestCase):
    def test_of_a_listing(self):
        functions = loops.ours(LISTING)
        self.assertEqual(list(functions), ["every 1 s"])
        self.assertEqual(loops.innermost_loops(functions["every 1 s"]), [5, 4])

    def test_of_clang(self):
        functions = loops.of_clang(A64)
        self.assertEqual(list(functions), ["k_run"])
        self.assertEqual(loops.innermost_loops(functions["k_run"]), [6])

    def test_of_no_loop(self):
        self.assertEqual(loops.innermost_loops([]), [])
        self.assertEqual(loops.innermost_loops(["ret"]), [])
        self.assertEqual(loops.innermost_loops(["L1:", "jmp L2", "inc rax", "L2:", "ret"]), [])

    # The tier's own: a sum of an array is one load, one addition, one step, one comparison, one branch and, on AArch64, an
    # address.
    def test_of_what_the_tier_makes(self):
        task = """task sum {
  state values : [u64; 64] = [0; 64]
  state total : u64 = 0
  every 1 s {
    var sum = u64(0)
    for i in 0 ..< 64 { sum = sum + values[i] }
    total = sum
  }
}
"""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "sum.eft"
            path.write_text(task)
            for target, most in (("x86-64", 5), ("aarch64", 6)):
                listing = subprocess.run([EYEFLOWC, "disasm", path, "--tier", "baseline", "--target", target], check=True,
                                         capture_output=True, text=True).stdout
                counted = loops.loops_of(loops.ours(listing), lambda name: name != "on start")
                self.assertEqual(len(counted), 1)
                self.assertLessEqual(counted[0], most)
                self.assertGreaterEqual(counted[0], 4)


if __name__ == "__main__":
    EYEFLOWC = sys.argv.pop(1)
    unittest.main()
