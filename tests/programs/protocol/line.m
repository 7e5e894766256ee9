% octave-cli line.m
asked = jsondecode(fgetl(stdin));
x = asked.point.x;
w = asked.point.w;
b = asked.point.b;
err = w'*x + b;
printf('{"gradient": {"w": [%.17g, %.17g], "b": %.17g}, "loss": %.17g}\n', err*x(1), err*x(2), err, err^2/2);
