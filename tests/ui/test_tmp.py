import pytest
from pathlib import Path
from support import Project
from browser_kit import serving, chromium
OUT=Path("/tmp/shots"); OUT.mkdir(exist_ok=True)
def shots(b,name,modes=None):
    for w in (375,1280):
        for dark in (False,True):
            if modes and (w,dark) not in modes: continue
            b.look(width=w, height=812 if w==375 else 900, dark=dark)
            b.shot(OUT/f"{name}-{w}-{'dark' if dark else 'light'}.png", whole=True)
def setup(b):
    b.press("Set up pricing")
    b.until("return document.querySelector('#step-pricing').classList.contains('done')")
    b.press("Create customer")
    b.until("return document.querySelector('#step-customer').classList.contains('done')")
    b.press("Create contract")
    b.until("return document.querySelector('#step-contract').classList.contains('done')")
def test_x(project, tmp_path):
    with serving(project) as url, chromium(tmp_path/"p", url) as b:
        b.look(); b.open(); shots(b,"start")
        setup(b)
        for t,n in (("standard",5),("high-res",3),("ultra",2)):
            for _ in range(n):
                b.press(f"Generate 1 {t}")
                b.until("return !document.querySelector('.group [aria-busy=true]')")
        shots(b,"done")
        with project.account() as sdk:
            sdk.v1.customers.set_name(customer_id=project.id("customer.demo"), name="Somebody else")
        project.edit("$0.10}", "$0.12}")
        b.press("Plan again")
        b.until("return document.querySelector('[data-state=drifted]')")
        shots(b,"drift",[(375,True)])
        b.run("document.querySelector('#step-pricing button').click()")
        b.until("return document.querySelector('[role=alert]')")
        shots(b,"guard",[(1280,True),(375,False)])
        project.edit("emulator: true}", "emulator: true, protected: true}")
        b.run("document.querySelector('#again').click()")
        b.until("return !document.querySelector('#protected').hidden")
        b.run("document.querySelector('.message button')?.click()")
        shots(b,"prod",[(1280,False),(375,True)])
