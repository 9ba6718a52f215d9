"""Answer IPOPT in machine code: one evaluation a point, counted and timed, numbers not finite refused.

The callbacks find what they need in a table of 64-bit words, whose address IPOPT hands on to them:

    0 n   1 m   2 x   3 weights   4 whether to end   5 points refused   6 refused in a row   7 most in vain
    8 + 8 k: steps, their number, output, its size, evaluations, nanoseconds, whether it belongs to x
             for k = 0 f and c, 1 gradient, 2 Jacobian, 3 Hessian
    40 entries, rows, columns of J   43 the same of the Hessian
    48 and on: see `iterations.py`
"""

END, REFUSED, IN_A_ROW, PATIENCE = 4, 5, 6, 7
FIRST, STRIDE = 8, 8
COUNT, SPENT, IS_KNOWN = 4, 5, 6
JACOBIAN_PLACES, HESSIAN_PLACES = 40, 43
NAMES = ("objective", "constraints", "gradient", "jacobian", "hessian")

EVALUATIONS = """
declare i32 @memcmp(ptr, ptr, i64)
declare i32 @clock_gettime(i32, ptr)
declare double @llvm.fabs.f64(double)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

define i64 @now() {
  %time = alloca [2 x i64]
  %code = call i32 @clock_gettime(i32 CLOCK, ptr %time)
  %seconds = load i64, ptr %time
  %p.nano = getelementptr i64, ptr %time, i64 1
  %nano = load i64, ptr %p.nano
  %scaled = mul i64 %seconds, 1000000000
  %total = add i64 %scaled, %nano
  ret i64 %total
}

define internal i64 @word(ptr %state, i64 %place) {
  %p = getelementptr i64, ptr %state, i64 %place
  %value = load i64, ptr %p
  ret i64 %value
}

define internal ptr @pointer(ptr %state, i64 %place) {
  %address = call i64 @word(ptr %state, i64 %place)
  %pointer = inttoptr i64 %address to ptr
  ret ptr %pointer
}

define internal void @set(ptr %state, i64 %place, i64 %value) {
  %p = getelementptr i64, ptr %state, i64 %place
  store i64 %value, ptr %p
  ret void
}

define internal void @increase(ptr %state, i64 %place, i64 %by) {
  %before = call i64 @word(ptr %state, i64 %place)
  %after = add i64 %before, %by
  call void @set(ptr %state, i64 %place, i64 %after)
  ret void
}

; copy `count` numbers
define internal void @copy(ptr %target, ptr %source, i64 %count) {
  %bytes = mul i64 %count, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %target, ptr %source, i64 %bytes, i1 false)
  ret void
}

; make x the point at hand; what was computed elsewhere is forgotten
define internal void @move(ptr %state, ptr %x) {
  %n = call i64 @word(ptr %state, i64 0)
  %mine = call ptr @pointer(ptr %state, i64 2)
  %bytes = mul i64 %n, 8
  %difference = call i32 @memcmp(ptr %mine, ptr %x, i64 %bytes)
  %is.same = icmp eq i32 %difference, 0
  br i1 %is.same, label %done, label %new
new:
  call void @copy(ptr %mine, ptr %x, i64 %n)
  call void @set(ptr %state, i64 14, i64 0)
  call void @set(ptr %state, i64 22, i64 0)
  call void @set(ptr %state, i64 30, i64 0)
  br label %done
done:
  ret void
}

; compute the routine at a place of the table, unless it was at this point; its output
define internal ptr @output(ptr %state, i64 %place) {
  %p.output = add i64 %place, 2
  %output = call ptr @pointer(ptr %state, i64 %p.output)
  %p.known = add i64 %place, 6
  %known = call i64 @word(ptr %state, i64 %p.known)
  %is.known = icmp ne i64 %known, 0
  br i1 %is.known, label %done, label %compute
compute:
  %begin = call i64 @now()
  %steps = call ptr @pointer(ptr %state, i64 %place)
  %p.count = add i64 %place, 1
  %count = call i64 @word(ptr %state, i64 %p.count)
  call void ROUTINE(i64 %count, ptr %steps)
  %end = call i64 @now()
  %spent = sub i64 %end, %begin
  call void @heed(ptr %state, i64 %end)
  %p.evaluations = add i64 %place, 4
  call void @increase(ptr %state, i64 %p.evaluations, i64 1)
  %p.spent = add i64 %place, 5
  call void @increase(ptr %state, i64 %p.spent, i64 %spent)
  call void @set(ptr %state, i64 %p.known, i64 1)
  %p.size = add i64 %place, 3
  %size = call i64 @word(ptr %state, i64 %p.size)
  %is.finite = call i1 @finite(ptr %output, i64 %size)
  br i1 %is.finite, label %good, label %bad
good:
  %is.values = icmp eq i64 %place, 8
  br i1 %is.values, label %reset, label %done
reset:
  call void @set(ptr %state, i64 6, i64 0)
  br label %done
bad:
  call void @increase(ptr %state, i64 5, i64 1)
  call void @increase(ptr %state, i64 6, i64 1)
  %refused = call i64 @word(ptr %state, i64 5)
  %patience = call i64 @word(ptr %state, i64 7)
  %is.many = icmp sgt i64 %refused, %patience
  %points = call i64 @word(ptr %state, i64 12)
  %accepted = sub i64 %points, %refused
  %fewest = mul i64 %accepted, %patience
  %tenfold = mul i64 %refused, 10
  %is.most = icmp sgt i64 %tenfold, %fewest
  %is.hopeless = and i1 %is.many, %is.most
  br i1 %is.hopeless, label %stop, label %done
stop:
  call void @set(ptr %state, i64 4, i64 1)
  br label %done
done:
  ret ptr %output
}

define internal i1 @going(ptr %state) {
  %end = call i64 @word(ptr %state, i64 4)
  %going = icmp eq i64 %end, 0
  ret i1 %going
}

; hand over `count` numbers of an output, from the one at `skip` on; whether to go on
define internal i1 @answer(ptr %state, i64 %place, i64 %skip, ptr %values, i64 %count) {
  %output = call ptr @output(ptr %state, i64 %place)
  %numbers = getelementptr double, ptr %output, i64 %skip
  call void @copy(ptr %values, ptr %numbers, i64 %count)
  %going = call i1 @going(ptr %state)
  ret i1 %going
}

; write rows and columns, three words of the table: entries, rows, columns
define internal void @structure(ptr %state, i64 %place, ptr %rows, ptr %columns) {
  %count = call i64 @word(ptr %state, i64 %place)
  %bytes = mul i64 %count, 4
  %p.rows = add i64 %place, 1
  %p.columns = add i64 %place, 2
  %from.rows = call ptr @pointer(ptr %state, i64 %p.rows)
  %from.columns = call ptr @pointer(ptr %state, i64 %p.columns)
  call void @llvm.memcpy.p0.p0.i64(ptr %rows, ptr %from.rows, i64 %bytes, i1 false)
  call void @llvm.memcpy.p0.p0.i64(ptr %columns, ptr %from.columns, i64 %bytes, i1 false)
  ret void
}

define zeroext i1 @objective(i32 %n, ptr %x, i8 zeroext %new, ptr %value, ptr %state) {
  call void @move(ptr %state, ptr %x)
  %going = call i1 @answer(ptr %state, i64 8, i64 0, ptr %value, i64 1)
  ret i1 %going
}

define zeroext i1 @constraints(i32 %n, ptr %x, i8 zeroext %new, i32 %m, ptr %values, ptr %state) {
  call void @move(ptr %state, ptr %x)
  %count = zext i32 %m to i64
  %going = call i1 @answer(ptr %state, i64 8, i64 1, ptr %values, i64 %count)
  ret i1 %going
}

define zeroext i1 @gradient(i32 %n, ptr %x, i8 zeroext %new, ptr %values, ptr %state) {
  call void @move(ptr %state, ptr %x)
  %count = zext i32 %n to i64
  %going = call i1 @answer(ptr %state, i64 16, i64 0, ptr %values, i64 %count)
  ret i1 %going
}

define zeroext i1 @jacobian(i32 %n, ptr %x, i8 zeroext %new, i32 %m, i32 %entries, ptr %rows, ptr %columns,
                            ptr %values, ptr %state) {
  %is.structure = icmp eq ptr %values, null
  br i1 %is.structure, label %places, label %numbers
places:
  call void @structure(ptr %state, i64 40, ptr %rows, ptr %columns)
  ret i1 true
numbers:
  call void @move(ptr %state, ptr %x)
  %count = zext i32 %entries to i64
  %going = call i1 @answer(ptr %state, i64 24, i64 0, ptr %values, i64 %count)
  ret i1 %going
}

define zeroext i1 @hessian(i32 %n, ptr %x, i8 zeroext %new, double %weight, i32 %m, ptr %multipliers,
                           i8 zeroext %new.multipliers, i32 %entries, ptr %rows, ptr %columns, ptr %values,
                           ptr %state) {
  %is.structure = icmp eq ptr %values, null
  br i1 %is.structure, label %places, label %numbers
places:
  call void @structure(ptr %state, i64 43, ptr %rows, ptr %columns)
  ret i1 true
numbers:
  call void @move(ptr %state, ptr %x)
  %weights = call ptr @pointer(ptr %state, i64 3)
  store double %weight, ptr %weights
  %rest = getelementptr double, ptr %weights, i64 1
  %length = zext i32 %m to i64
  call void @copy(ptr %rest, ptr %multipliers, i64 %length)
  call void @set(ptr %state, i64 38, i64 0)
  %count = zext i32 %entries to i64
  %going = call i1 @answer(ptr %state, i64 32, i64 0, ptr %values, i64 %count)
  ret i1 %going
}
"""
