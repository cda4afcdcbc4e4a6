import pytest
from pathlib import Path
from support import Project
from browser_kit import serving, chromium
OUT=Path("/tmp/shots"); OUT.mkdir(exist_ok=True)
def test_x(project, tmp_path):
    with serving(project) as url, chromium(tmp_path/"p", url) as b:
        def shots(name):
            for w in (375,1280):
                for dark in (False,True):
                    b.look(width=w, height=812 if w==375 else 900, dark=dark)
                    b.shot(OUT/f"{name}-{w}-{'dark' if dark else 'light'}.png", whole=True)
        b.look(); b.open(); shots("start")
        print(b.errors())
        b.press("Set up pricing")
        b.until("return document.querySelector('#step-pricing').classList.contains('done')")
        b.press("Create customer")
        b.until("return document.querySelector('#step-customer').classList.contains('done')")
        b.press("Create contract")
        b.until("return document.querySelector('#step-contract').classList.contains('done')")
        for t,n in (("standard",5),("high-res",3),("ultra",2)):
            for _ in range(n):
                b.press(f"Generate 1 {t}")
                b.until("return !document.querySelector('.group [aria-busy=true]')")
        shots("done")
        print(b.errors(), b.texts(".amount"))
