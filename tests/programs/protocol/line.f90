! gfortran -O2 -o line_f90 line.f90
program line
  implicit none
  character(len=100000) :: asked
  real(8) :: x(2), w(2), b(1), error
  read (*, '(a)') asked
  call numbers('x', x)
  call numbers('w', w)
  call numbers('b', b)
  error = dot_product(w, x) + b(1)
  write (*, '(a,es25.17,a,es25.17,a,es25.17,a,es25.17,a)') '{"gradient": {"w": [', error*x(1), ',', error*x(2), &
    '], "b":', error, '}, "loss":', error**2/2, '}'
contains
  ! The numbers under one name of the point, row by row.
  subroutine numbers(name, found)
    character(len=*), intent(in) :: name
    real(8), intent(out) :: found(:)
    character(len=100000) :: rest
    integer :: k
    rest = asked(index(asked, '"point"'):)
    rest = rest(index(rest, '"'//name//'":') + len(name) + 3:)
    do k = 1, len_trim(rest)
      if (rest(k:k) == '[' .or. rest(k:k) == ']' .or. rest(k:k) == '}') rest(k:k) = ' '
    end do
    read (rest, *) found
  end subroutine
end program
