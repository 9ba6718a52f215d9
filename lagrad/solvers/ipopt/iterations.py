"""Note IPOPT's iterations in machine code: history, best point and limits, without Python.

Python is called where somebody wants to be told of each iteration, where the table of rows is full, and
twenty times a second, so that it can look for signals. Words of the table of `evaluations.py` used here:

    48 Ipopt's problem   49 GetIpoptCurrentIterate   50 rows written   51 rows that fit   52 rows, 11 columns
    53 Python's function   54 whether it wants each iteration   55 when it ran last
    56 deadline   57 when the solve began   58 whether it has begun   59 largest entry of the gradient then
    60 record of the iterate   61 record of the best one   62 whether there is one   63 tolerance of its rank
    64 lower bounds   65 upper bounds   66 lower sides   67 upper sides

A record: f, violation, iteration, whether the multipliers are known; then x, multipliers of the lower and
upper bounds, c, multipliers of the rows.
"""

HEAD = 4
PROBLEM, CURRENT, WRITTEN, CAPACITY, ROWS, LISTENER, TELLS, LAST = range(48, 56)
DEADLINE, BEGAN, HAS_BEGUN, START_GRADIENT, RECORD, BEST, HAS_BEST, TOLERANCE, SIDES = range(56, 65)
# What ends a solve: patience with points refused is lost, the objective falls without end, it is too late.
PATIENCE_LOST, RUNAWAY, TOO_LATE = 1, 2, 3
COLUMNS, LENGTH = 11, 68

ITERATIONS = """
define internal double @number(ptr %state, i64 %place) {
  %p = getelementptr double, ptr %state, i64 %place
  %value = load double, ptr %p
  ret double %value
}

define internal void @put(ptr %numbers, i64 %place, double %value) {
  %p = getelementptr double, ptr %numbers, i64 %place
  store double %value, ptr %p
  ret void
}

; end the solve, unless something else does already
define internal void @stop(ptr %state, i64 %why) {
  %is.going = call i1 @going(ptr %state)
  br i1 %is.going, label %end, label %done
end:
  call void @set(ptr %state, i64 4, i64 %why)
  br label %done
done:
  ret void
}

; end the solve if it is later than it may be
define internal void @heed(ptr %state, i64 %now) {
  %deadline = call i64 @word(ptr %state, i64 56)
  %is.late = icmp sgt i64 %now, %deadline
  br i1 %is.late, label %late, label %done
late:
  call void @stop(ptr %state, i64 3)
  br label %done
done:
  ret void
}

; remember the largest entry of the gradient where the solve begins
define internal void @begin(ptr %state) {
  %begun = call i64 @word(ptr %state, i64 58)
  %is.first = icmp eq i64 %begun, 0
  br i1 %is.first, label %first, label %done
first:
  call void @set(ptr %state, i64 58, i64 1)
  %gradient = call ptr @pointer(ptr %state, i64 18)
  %n = call i64 @word(ptr %state, i64 0)
  br label %head
head:
  %i = phi i64 [ 0, %first ], [ %next, %body ]
  %largest = phi double [ 0.0, %first ], [ %larger, %body ]
  %more = icmp ult i64 %i, %n
  br i1 %more, label %body, label %end
body:
  %next = add i64 %i, 1
  %entry = call double @number(ptr %gradient, i64 %i)
  %size = call double @llvm.fabs.f64(double %entry)
  %is.larger = fcmp ogt double %size, %largest
  %larger = select i1 %is.larger, double %size, double %largest
  br label %head
end:
  call void @put(ptr %state, i64 59, double %largest)
  br label %done
done:
  ret void
}

; violation beyond the tolerance
define internal double @excess(ptr %state, double %violation) {
  %tolerance = call double @number(ptr %state, i64 63)
  %beyond = fsub double %violation, %tolerance
  %is.beyond = fcmp ogt double %beyond, 0.0
  %excess = select i1 %is.beyond, double %beyond, double 0.0
  ret double %excess
}

; keep the record if it is finite and no other is better: less excess first, then a lower f
define internal void @keep(ptr %state, i64 %length) {
  %record = call ptr @pointer(ptr %state, i64 60)
  %best = call ptr @pointer(ptr %state, i64 61)
  %is.finite = call i1 @finite(ptr %record, i64 2)
  br i1 %is.finite, label %compare, label %done
compare:
  %f = call double @number(ptr %record, i64 0)
  %violation = call double @number(ptr %record, i64 1)
  %excess = call double @excess(ptr %state, double %violation)
  %f.best = call double @number(ptr %best, i64 0)
  %violation.best = call double @number(ptr %best, i64 1)
  %excess.best = call double @excess(ptr %state, double %violation.best)
  %has = call i64 @word(ptr %state, i64 62)
  %is.first = icmp eq i64 %has, 0
  %is.less = fcmp olt double %excess, %excess.best
  %is.equal = fcmp oeq double %excess, %excess.best
  %is.lower = fcmp ole double %f, %f.best
  %is.both = and i1 %is.equal, %is.lower
  %is.one = or i1 %is.less, %is.both
  %is.better = or i1 %is.first, %is.one
  br i1 %is.better, label %better, label %done
better:
  call void @copy(ptr %best, ptr %record, i64 %length)
  call void @set(ptr %state, i64 62, i64 1)
  br label %done
done:
  ret void
}

; the record of IPOPT's iterate; where IPOPT does not tell, of the point looked at last
define internal void @record(ptr %state, i32 %iteration) {
  %n = call i64 @word(ptr %state, i64 0)
  %m = call i64 @word(ptr %state, i64 1)
  %record = call ptr @pointer(ptr %state, i64 60)
  %x = getelementptr double, ptr %record, i64 4
  %lower = getelementptr double, ptr %x, i64 %n
  %upper = getelementptr double, ptr %lower, i64 %n
  %c = getelementptr double, ptr %upper, i64 %n
  %rows = getelementptr double, ptr %c, i64 %m
  %problem = call ptr @pointer(ptr %state, i64 48)
  %current = call ptr @pointer(ptr %state, i64 49)
  %n.short = trunc i64 %n to i32
  %m.short = trunc i64 %m to i32
  %is.told = call zeroext i1 %current(ptr %problem, i8 zeroext 0, i32 %n.short, ptr %x, ptr %lower,
                                      ptr %upper, i32 %m.short, ptr %c, ptr %rows)
  br i1 %is.told, label %known, label %unknown
unknown:
  %mine = call ptr @pointer(ptr %state, i64 2)
  call void @copy(ptr %x, ptr %mine, i64 %n)
  br label %known
known:
  call void @move(ptr %state, ptr %x)
  %output = call ptr @output(ptr %state, i64 8)
  %f = load double, ptr %output
  %values = getelementptr double, ptr %output, i64 1
  call void @copy(ptr %c, ptr %values, i64 %m)
  %x.low = call ptr @pointer(ptr %state, i64 64)
  %x.high = call ptr @pointer(ptr %state, i64 65)
  %c.low = call ptr @pointer(ptr %state, i64 66)
  %c.high = call ptr @pointer(ptr %state, i64 67)
  %of.rows = call double @outside(ptr %c, ptr %c.low, ptr %c.high, i64 %m, double 0.0)
  %of.all = call double @outside(ptr %x, ptr %x.low, ptr %x.high, i64 %n, double %of.rows)
  %is.finite = call i1 @finite(ptr %c, i64 %m)
  %violation = select i1 %is.finite, double %of.all, double 0x7FF0000000000000
  %number = sitofp i32 %iteration to double
  %told = uitofp i1 %is.told to double
  call void @put(ptr %record, i64 0, double %f)
  call void @put(ptr %record, i64 1, double %violation)
  call void @put(ptr %record, i64 2, double %number)
  call void @put(ptr %record, i64 3, double %told)
  %bounds = mul i64 %n, 3
  %sides = mul i64 %m, 2
  %both = add i64 %bounds, %sides
  %length = add i64 %both, 4
  call void @keep(ptr %state, i64 %length)
  ret void
}

; whether Python is to be called: it wants to, there is no room for a row, or it is time to look for signals
define internal i1 @is_due(ptr %state, i64 %now) {
  %wants = call i64 @word(ptr %state, i64 54)
  %written = call i64 @word(ptr %state, i64 50)
  %capacity = call i64 @word(ptr %state, i64 51)
  %last = call i64 @word(ptr %state, i64 55)
  %pause = sub i64 %now, %last
  %is.wanted = icmp ne i64 %wants, 0
  %is.full = icmp sge i64 %written, %capacity
  %is.long = icmp sgt i64 %pause, 50000000
  %either = or i1 %is.wanted, %is.full
  %is.due = or i1 %either, %is.long
  ret i1 %is.due
}

define zeroext i1 @intermediate(i32 %mode, i32 %iteration, double %objective, double %inf.pr, double %inf.du,
                                double %mu, double %step, double %regularization, double %alpha.du,
                                double %alpha.pr, i32 %trials, ptr %state) {
  call void @begin(ptr %state)
  call void @record(ptr %state, i32 %iteration)
  %record = call ptr @pointer(ptr %state, i64 60)
  %f = call double @number(ptr %record, i64 0)
  %violation = call double @number(ptr %record, i64 1)
  %number = call double @number(ptr %record, i64 2)
  %now = call i64 @now()
  %began = call i64 @word(ptr %state, i64 57)
  %passed = sub i64 %now, %began
  %nanoseconds = sitofp i64 %passed to double
  %time = fmul double %nanoseconds, 1.0e-9
  %tried = sitofp i32 %trials to double
  %is.restoration = icmp eq i32 %mode, 1
  %restoration = uitofp i1 %is.restoration to double
  %written = call i64 @word(ptr %state, i64 50)
  %rows = call ptr @pointer(ptr %state, i64 52)
  %place = mul i64 %written, 11
  %row = getelementptr double, ptr %rows, i64 %place
  call void @put(ptr %row, i64 0, double %number)
  call void @put(ptr %row, i64 1, double %f)
  call void @put(ptr %row, i64 2, double %violation)
  call void @put(ptr %row, i64 3, double %inf.du)
  call void @put(ptr %row, i64 4, double %mu)
  call void @put(ptr %row, i64 5, double %step)
  call void @put(ptr %row, i64 6, double %alpha.pr)
  call void @put(ptr %row, i64 7, double %regularization)
  call void @put(ptr %row, i64 8, double %tried)
  call void @put(ptr %row, i64 9, double %restoration)
  call void @put(ptr %row, i64 10, double %time)
  call void @increase(ptr %state, i64 50, i64 1)
  %is.low = fcmp olt double %f, -1.0e20
  %is.near = fcmp ole double %violation, 1.0
  %is.endless = and i1 %is.low, %is.near
  br i1 %is.endless, label %endless, label %listen
endless:
  call void @stop(ptr %state, i64 2)
  br label %listen
listen:
  call void @heed(ptr %state, i64 %now)
  %is.due = call i1 @is_due(ptr %state, i64 %now)
  br i1 %is.due, label %tell, label %done
tell:
  %listener = call ptr @pointer(ptr %state, i64 53)
  %is.wanted = call zeroext i1 %listener()
  %later = call i64 @now()
  call void @set(ptr %state, i64 55, i64 %later)
  br i1 %is.wanted, label %done, label %over
over:
  ret i1 false
done:
  %going = call i1 @going(ptr %state)
  ret i1 %going
}
"""
